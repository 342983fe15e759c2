import {existsSync, readFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {evaluateRobustness} from '../../src/index.js';
import {loadModel, resnetFromPyTorch} from '../../src/node.js';
import {missingBackend} from '../helpers/backends.js';
import {cifar10Strip} from '../helpers/strip.js';

// Networks that hide nothing, and the default search: no warning may say so.

const N = 8;
const path = (name: string) =>
  fileURLToPath(new URL(`../../${name}`, import.meta.url));

const OURS = 'packages/tfjs-adversarial-models/models';
const ours = JSON.parse(readFileSync(path(`${OURS}/models.json`), 'utf8'));

const MODELS = [
  ...ours.models.map((row: string) => `${OURS}/${row}`),
  // The released checkpoints, where they lie beside the project.
  ...['normal', 'delta', 'recoloradv', 'bw'].map(
    name => `../shared/pretrained/${name}.resnet32.pt`,
  ),
];

const missing = await missingBackend('onnx');

for (const name of MODELS) {
  test.serial(`${name}: no warning`, async t => {
    t.timeout(180_000);
    const place = path(name);
    const shared = name.startsWith('..');
    if (missing || (shared && !existsSync(place))) {
      t.log(`left out: ${missing ?? `${place} is not there`}`);
      return t.pass();
    }
    const model = name.endsWith('.pt')
      ? await resnetFromPyTorch(place)
      : await loadModel(place);
    const strip = cifar10Strip();
    const images = strip.tensor(0, N);
    const labels = strip.labelTensor(0, N) as tf.Tensor1D;
    const {warnings, results} = await evaluateRobustness(
      model,
      {images, labels},
      {attacks: ['None', 'D']},
    );
    t.log(...results.map(({accuracy}) => accuracy));
    t.deepEqual(warnings, []);
    tf.dispose([images, labels]);
    model.dispose();
  });
}
