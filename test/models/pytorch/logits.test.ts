import {existsSync, readFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {resnetFromPyTorch} from '../../../src/models/pytorch/resnet.js';
import {useBackend, type BACKENDS} from '../../helpers/backends.js';
import {cifar10Strip} from '../../helpers/strip.js';

const CHECKPOINTS = new URL('../../../../shared/pretrained/', import.meta.url);
const {logits} = JSON.parse(
  readFileSync(
    new URL('../../assets/pytorch-logits.json', import.meta.url),
    'utf8',
  ),
) as {logits: Record<string, number[][]>};

// Of the first 100 test images, how many the released code gets right.
const CORRECT = {normal: 92, delta: 84, recoloradv: 91, bw: 89} as const;

for (const [backend, name] of [
  ['wasm', 'normal'],
  ['wasm', 'delta'],
  ['wasm', 'recoloradv'],
  ['wasm', 'bw'],
  ['tensorflow', 'normal'],
] as [(typeof BACKENDS)[number], keyof typeof CORRECT][]) {
  test.serial(`${name} on ${backend}: logits are PyTorch’s`, async t => {
    const file = new URL(`${name}.resnet32.pt`, CHECKPOINTS);
    if (!existsSync(file)) {
      t.log(`left out: ${fileURLToPath(file)} is not there`);
      return t.pass();
    }
    if (!(await useBackend(backend))) {
      t.log(`left out: ${backend} does not load here`);
      return t.pass();
    }
    const before = tf.memory().numTensors;
    const model = await resnetFromPyTorch(fileURLToPath(file), {
      output: 'logits',
    });
    const {labels} = cifar10Strip();
    const values = tf.tidy(() =>
      (model.predict(cifar10Strip().tensor()) as tf.Tensor2D).arraySync(),
    );
    model.dispose();
    t.is(tf.memory().numTensors, before);
    const worst = Math.max(
      ...values.flatMap((row, i) =>
        row.map((value, j) => Math.abs(value - logits[name][i][j])),
      ),
    );
    t.log(`largest difference ${worst}`);
    t.true(worst < 1e-4);
    const right = values.filter(
      (row, i) => row.indexOf(Math.max(...row)) === labels[i],
    );
    t.is(right.length, CORRECT[name]);
  });
}
