import * as tf from '@tensorflow/tfjs';
import test, {type ExecutionContext} from 'ava';
import {existsSync} from 'node:fs';
import type {PNG} from 'pngjs';
import {loadBackend} from '../../src/tfjs_node/load_backend.js';
import {findTfjsNode} from '../../src/tfjs_node/package.js';
import {skipped} from '../helpers/backends.js';
import {temporaryFolderInside} from '../helpers/folder.js';
import {
  type Nsfwjs,
  loadNsfwjs,
  photographs,
  toTensor,
} from './mobilenet/fetch.js';

/*
 * MobileNets that others trained, in others' code: nsfwjs, on photographs. It
 * fetches 39 MB at its first run and takes a minute or two: TEST_MOBILENET=1
 * asks for it.
 */

const SIZE = 224;
const CLASSES = 5;

interface Measured {
  /** What nsfwjs's own `classify` says of each photograph with two models. */
  probabilities: number[];
  /** Of the cross-entropy, with respect to the photographs. */
  gradient: number[];
  /** Before each of two steps of fine-tuning. */
  losses: number[];
  /** How far the two steps moved each weight. */
  moved: {name: string; by: number[]}[];
}

async function measure(
  backend: string,
  nsfwjs: Nsfwjs,
  photos: PNG[],
): Promise<Measured> {
  await loadBackend(backend);
  const images = photos.map(toTensor);
  const probabilities: number[] = [];
  // A model of layers and a graph model.
  for (const name of ['MobileNetV2', 'MobileNetV2Mid']) {
    const network = await nsfwjs.load(name);
    for (const image of images) {
      const classes = await network.classify(image);
      classes.sort((a, b) => a.className.localeCompare(b.className));
      probabilities.push(...classes.map(c => c.probability));
    }
    network.model.dispose();
  }

  const model = (await nsfwjs.load('MobileNetV2')).model as tf.LayersModel;
  const {x, y} = batch(images);
  const loss = (v: tf.Tensor) =>
    tf.sum(
      tf.metrics.categoricalCrossentropy(
        y,
        model.apply(v, {training: false}) as tf.Tensor,
      ),
    ) as tf.Scalar;
  const gradient = [...tf.tidy(() => tf.grad(loss)(x)).dataSync()];
  const {losses, moved} = await fineTune(model, x, y);
  tf.dispose([images, x, y]);
  model.dispose();
  return {probabilities, gradient, losses, moved};
}

/** Two steps, with the same dropout on every backend. */
async function fineTune(model: tf.LayersModel, x: tf.Tensor, y: tf.Tensor) {
  for (const [i, layer] of model.layers.entries()) {
    if (layer.getClassName() === 'Dropout') Object.assign(layer, {seed: i});
  }
  const weights = () => model.getWeights().map(w => [...w.dataSync()]);
  const before = weights();
  model.compile({
    optimizer: tf.train.sgd(0.01),
    loss: 'categoricalCrossentropy',
  });
  const {history} = await model.fit(x, y, {
    batchSize: x.shape[0],
    epochs: 2,
    shuffle: false,
    verbose: 0,
  });
  const after = weights();
  const moved = model.weights.map(({name}, i) => ({
    name,
    by: after[i].map((v, k) => v - before[i][k]),
  }));
  return {losses: history.loss as number[], moved};
}

/** The photographs as one batch, and a class for each. */
function batch(images: tf.Tensor3D[]): {x: tf.Tensor4D; y: tf.Tensor2D} {
  return tf.tidy(() => ({
    x: tf.stack(
      images.map(i =>
        tf.image.resizeBilinear(tf.div<tf.Tensor3D>(i, 255), [SIZE, SIZE]),
      ),
    ) as tf.Tensor4D,
    y: tf.cast(tf.oneHot([0, 2, 4], CLASSES), 'float32') as tf.Tensor2D,
  }));
}

const size = (a: number[]) => a.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
const norm = (a: number[]) => Math.sqrt(a.reduce((s, v) => s + v * v, 0));
const minus = (a: number[], b: number[]) => a.map((v, i) => v - b[i]);

function compare(t: ExecutionContext, actual: Measured, expected: Measured) {
  const off = size(minus(actual.probabilities, expected.probabilities));
  const slope =
    norm(minus(actual.gradient, expected.gradient)) / norm(expected.gradient);
  const loss = size(minus(actual.losses, expected.losses));
  t.log(
    `probabilities differ by ${off}, the gradient by ${slope} of its length, losses by ${loss}`,
  );
  t.is(actual.probabilities.length, 30);
  t.true(off < 1e-5);
  // ReLU6 has kinks: where rounding crosses one, a path through it is cut off.
  t.true(slope < 0.01);
  t.true(loss < 1e-3);
  t.true(expected.losses[1] < 0.7 * expected.losses[0]);

  const trained = expected.moved.filter(m => size(m.by) > 1e-6);
  t.true(trained.length > 100);
  let worst = 0;
  for (const [i, {name, by}] of expected.moved.entries()) {
    const difference = size(minus(actual.moved[i].by, by));
    t.true(difference <= 0.05 * size(by) + 1e-6, name);
    if (size(by) > 1e-6) worst = Math.max(worst, difference / size(by));
  }
  t.log(
    `${trained.length} of ${expected.moved.length} weights moved; the steps differ by up to ${worst} of their length`,
  );
}

const tfjsNode = findTfjsNode('@tensorflow/tfjs-node', process.cwd());
const reference =
  tfjsNode && existsSync(tfjsNode.binding) ? 'tensorflow' : undefined;

if (!process.env.TEST_MOBILENET) {
  skipped(test, 'a MobileNet of nsfwjs', 'TEST_MOBILENET=1 runs it');
} else if (!reference) {
  skipped(
    test,
    'a MobileNet of nsfwjs',
    'tfjs-node is not set up (npm run setup:tensorflow)',
  );
} else {
  test('a MobileNet of nsfwjs: predictions, a gradient, fine-tuning', async t => {
    t.timeout(1_800_000);
    const nsfwjs = await loadNsfwjs(temporaryFolderInside(t));
    const photos = await photographs();
    const expected = await measure(reference, nsfwjs, photos);
    compare(t, await measure('onnx', nsfwjs, photos), expected);
  });
}
