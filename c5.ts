import * as tf from '@tensorflow/tfjs';
import {fixture,toTensor,relativeError} from '/work/main/test/helpers/fixtures.js';
import {attack} from '/work/main/src/attacks/attack.js';
await tf.setBackend('cpu');
const d=fixture('trajectories');
const w=Object.fromEntries(Object.entries(d.net).filter(([k])=>k!=='note').map(([k,v])=>[k,toTensor(v as any)])) as any;
const net=(x:any)=>{ let h:any=tf.div(tf.sub(x,.5),.25); h=tf.relu(tf.add(tf.conv2d(h,w.conv1,1,'same'),w.bias1)); h=tf.maxPool(h,2,2,'valid'); h=tf.relu(tf.add(tf.conv2d(h,w.conv2,1,'same'),w.bias2)); h=tf.mean(h,[1,2]); return tf.add(tf.matMul(h,w.dense),w.bias3) as any;};
const images=toTensor(d.images) as tf.Tensor4D, labels=tf.tensor1d(d.labels,'int32');
console.log('clean',relativeError(net(images),d.cleanLogits));
for (const [name,t] of [['C',d.attacks.C]] as any ||  Object.entries(d.attacks) as any) {
  const t0=Date.now(); const n0=tf.memory().numTensors;
  const a=attack(name,{variant:'reference',steps:3});
  const r=a.perturb(net,images,labels,{history:true});
  const dt=Date.now()-t0;
  const hm=r.history!.margin.arraySync(), hs=r.history!.smoothness.arraySync();
  let worst:number[]=[]; let ws=0; let dm:number[]=[];
  for(let s=0;s<3;s++){ let e=0; let f=0; for(let i=0;i<8;i++){ e=Math.max(e,Math.abs(hm[s][i]-t.margin[s][i])); f=Math.max(f,Math.abs(hs[s][i]-t.smoothness[s][i])/(t.smoothness[s][i]+1e-9)); } worst.push(e); dm.push(f);} 
  console.log(name, dt+'ms','margin err steps', worst.filter((_,i)=>[0,1,2,5,10,19].includes(i)).map(x=>x.toExponential(1)).join(' '),'| smooth', dm.filter((_,i)=>[0,1,5,19].includes(i)).map(x=>x.toExponential(1)).join(' '), '| adv', relativeError(r.adversarial,t.adversarial).toExponential(1), 'total move', (t.margin[19][0]-t.margin[0][0]).toFixed(4));
  tf.dispose(r as any); console.log('leak',tf.memory().numTensors-n0);
}
