// What a user would write.

/** Ten lines of a user: a tiny model on 8×8 images, trained with the callback. */
export const TRAIN = `
const model = tf.sequential({layers: [
  tf.layers.conv2d({inputShape: [8, 8, 3], filters: 4, kernelSize: 3, activation: 'relu'}),
  tf.layers.flatten(),
  tf.layers.dense({units: 2, activation: 'softmax'}),
]});
model.compile({optimizer: 'adam', loss: 'categoricalCrossentropy', metrics: ['accuracy']});
const x = tf.randomUniform<RANK>([4, 8, 8, 3]);
const y = tf.oneHot(tf.tensor1d([0, 1, 0, 1], 'int32'), 2);
const callbacks = adversarialTraining({attack: 'C+S+D', steps: 1});
`;
const CHECK = `
const before = model.getWeights()[0].dataSync().slice();
model.fit(x, y, {epochs: 1, batchSize: 4, verbose: 0, callbacks}).then(({history}) => {
  const {loss, adv_acc, clean_margin, size_C, size_S, size_D} = history;
  for (const [value] of [loss, adv_acc, clean_margin, size_C, size_S, size_D]) {
    if (!Number.isFinite(value)) throw new Error('no figure in ' + JSON.stringify(history));
  }
  if (!(size_D[0] > 0 && size_D[0] <= 8 / 255 + 1e-6)) throw new Error('size_D is ' + size_D);
  if (model.getWeights()[0].dataSync().every((w, i) => w === before[i])) throw new Error('no weight has changed');
  console.log('trained on', tf.getBackend());
});
`;
/** The same in JavaScript, with a check that it has trained. */
export const javascript = TRAIN.replace('<RANK>', '') + CHECK;
/** The first lines of an ES module. */
export const imports = (tfjs, names = 'adversarialTraining') =>
  `import * as tf from '${tfjs}';\nimport {${names}} from 'tfjs-adversarial';\n`;

/** What the examples of the documents take for granted. */
export const GIVEN = `
import type * as tf from '@tensorflow/tfjs';
declare global {
  const model: tf.LayersModel;
  const images: tf.Tensor4D, x: tf.Tensor4D;
  const labels: tf.Tensor2D, y: tf.Tensor2D;
  const dataset: tf.data.Dataset<tf.TensorContainer>;
}
`;

/** A net for images of 28×28, as for MNIST: ten classes of noisy patterns. */
export const MNIST = `
import * as tf from '@tensorflow/tfjs';
import {useOnnx} from 'tfjs-backend-onnx';
await useOnnx();
const model = tf.sequential({layers: [
  tf.layers.conv2d({inputShape: [28, 28, 1], filters: 8, kernelSize: 5, activation: 'relu'}),
  tf.layers.maxPooling2d({poolSize: 2}),
  tf.layers.batchNormalization(),
  tf.layers.flatten(),
  tf.layers.dropout({rate: 0.2, seed: 3}),
  tf.layers.dense({units: 10, activation: 'softmax'}),
]});
model.compile({optimizer: 'adam', loss: 'categoricalCrossentropy', metrics: ['accuracy']});
const patterns = tf.randomUniform([10, 28, 28, 1], 0, 1, 'float32', 1);
const digits = tf.tensor1d(Array.from({length: 500}, (_, i) => (i * 7) % 10), 'int32');
const noise = tf.randomNormal([500, 28, 28, 1], 0, 0.3, 'float32', 2);
const x = tf.add(tf.gather(patterns, digits), noise);
const y = tf.oneHot(digits, 10);
const {history} = await model.fit(x, y, {epochs: 5, batchSize: 50, verbose: 0});
const accuracy = history.acc.at(-1);
if (!(accuracy > 0.9)) throw new Error('its accuracy is ' + history.acc);
console.log('trained on', tf.getBackend());
`;

/** Uses each of the libraries that the build has bundled. */
export const BUNDLED = `
import {readFileSync, readdirSync} from 'node:fs';
import {encodePng, eventFileWriter, loadPyTorchCheckpoint} from 'tfjs-adversarial/node';
const assert = (condition, what) => { if (!condition) throw new Error(what); };
const png = encodePng({data: new Uint8Array(12), shape: [2, 2, 3]});
assert(png.toString('latin1', 1, 4) === 'PNG', 'no PNG');
const writer = eventFileWriter('logs');
writer.scalar('loss', 0.5, 1);
writer.close();
assert(readFileSync('logs/' + readdirSync('logs')[0]).includes('loss'), 'no event file');
const weights = await loadPyTorchCheckpoint(process.argv[2]);
assert(weights.size > 0, 'no weights');
const tar = Buffer.alloc(1024);
tar.write('ustar', 257);
await loadPyTorchCheckpoint(tar).then(
  () => assert(false, 'an empty archive was read'),
  error => assert(/cannot be used: /.test(error.message), error.message),
);
console.log('the libraries work');
`;
