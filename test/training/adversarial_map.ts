import * as tf from '@tensorflow/tfjs';
import type {TestFn} from 'ava';
import {adversarialMap, attack, type BatchMap} from '../../src/index.js';
import {leakAsync} from '../helpers/memory.js';
import {CLASSES, SIZE, small, toyImages, toyModel} from '../helpers/toy.js';

const N = 8;
const BATCH = 4;
const OPTIONS = {steps: 3, learningRate: 0.02};
type Pair = [tf.Tensor4D, tf.Tensor];

/** `adversarialMap` in `mapAsync`, with batches and labels of either form. */
export function mapsBatches(test: TestFn, backend: string) {
  const images = toyImages(N, {seed: 3});
  const classes = tf.tensor1d([0, 1, 2, 0, 1, 2, 0, 1], 'int32');
  const LABELS: Record<string, tf.Tensor> = {
    indices: classes,
    'indices of float32': classes.toFloat(),
    'one-hot': tf.oneHot(classes, CLASSES).toFloat(),
    'one-hot of int32': tf.oneHot(classes, CLASSES),
  };
  const part = <T extends tf.Tensor>(t: T, i: number) =>
    tf.slice(t, i * BATCH, BATCH) as T;
  const source = (labels: tf.Tensor, asList: boolean) =>
    tf.data.generator(function* () {
      for (let i = 0; i < N / BATCH; i++) {
        const [xs, ys] = [part(images, i), part(labels, i)];
        yield (asList ? [xs, ys] : {xs, ys}) as never;
      }
    }) as unknown as tf.data.Dataset<tf.TensorContainer>;
  const pairOf = (batch: tf.TensorContainer, asList: boolean): Pair => {
    if (asList) return batch as unknown as Pair;
    const {xs, ys} = batch as unknown as {xs: tf.Tensor4D; ys: tf.Tensor};
    return [xs, ys];
  };

  for (const [kind, labels] of Object.entries(LABELS)) {
    for (const asList of [false, true]) {
      const form = asList ? '[xs, ys]' : '{xs, ys}';
      test.serial(`${backend}: ${form}, labels as ${kind}`, async t => {
        const model = toyModel();
        const map = adversarialMap(model, {attack: 'D', ...OPTIONS});
        const made = await source(labels, asList).mapAsync(map).toArray();
        t.is(made.length, N / BATCH);
        made.forEach((batch, i) => {
          const [xs, ys] = pairOf(batch, asList);
          const own = part(labels, i) as tf.Tensor1D;
          const found = attack('D', OPTIONS).perturb(
            model,
            part(images, i),
            own,
          );
          t.deepEqual(xs.dataSync(), found.adversarial.dataSync());
          t.notDeepEqual(xs.dataSync(), part(images, i).dataSync());
          t.is(ys.dtype, labels.dtype);
          t.deepEqual(ys.shape, own.shape);
          t.deepEqual(ys.dataSync(), own.dataSync());
        });
      });
    }
  }

  for (const mix of ['adversarial', 'both', 0.5] as const) {
    for (const crafting of ['pgd', 'fast'] as const) {
      test.serial(`${backend}: ${crafting}, mix ${mix}: no leak`, async t => {
        const model = toyModel();
        const options = crafting === 'pgd' ? OPTIONS : {seed: 1};
        const map = adversarialMap(model, {
          ...{attack: small('C+D'), crafting, mix, ...options},
        });
        for (const asList of [false, true]) {
          const data = source(classes, asList).mapAsync(map);
          const pass = () => data.forEachAsync(b => tf.dispose(b));
          await pass();
          t.is(await leakAsync(pass), 0);
        }
        const [xs, ys] = pairOf(
          (await source(classes, true).mapAsync(map).toArray())[0],
          true,
        );
        const size = mix === 'both' ? 2 * BATCH : BATCH;
        t.deepEqual([xs.shape[0], ys.shape[0]], [size, size]);
        // What is not attacked is as it was.
        const clean = {adversarial: [], both: [0, BATCH], 0.5: [2, 2]}[mix];
        if (clean.length > 0) {
          const [to, count] = clean;
          const same = tf.equal(
            tf.slice(xs, to, count),
            tf.slice(images, to, count),
          );
          t.is(tf.all(same).dataSync()[0], 1);
        }
      });
    }
  }

  test.serial(`${backend}: fitDataset trains on it`, async t => {
    const model = toyModel();
    model.compile({optimizer: 'sgd', loss: 'categoricalCrossentropy'});
    const before = model.getWeights()[0].dataSync();
    const data = source(LABELS['one-hot'], false).mapAsync(
      adversarialMap(model, {attack: 'D', ...OPTIONS}),
    );
    const fit = () => model.fitDataset(data, {epochs: 1, verbose: 0});
    const {history} = await fit();
    t.true(Number.isFinite(history.loss[0]));
    t.notDeepEqual(model.getWeights()[0].dataSync(), before);
    t.is(await leakAsync(fit), 0);
  });

  test.serial(`${backend}: by hand, the batch stays the caller's`, async t => {
    const map = adversarialMap(toyModel(), {attack: 'D', ...OPTIONS});
    const batch = {xs: part(images, 0), ys: part(classes, 0)};
    const {xs} = (await map(batch)) as unknown as typeof batch;
    t.false(batch.xs.isDisposed || batch.ys.isDisposed);
    xs.dispose();
    t.deepEqual(batch.xs.dataSync(), part(images, 0).dataSync());
  });

  const BAD: Record<string, [tf.TensorContainer, RegExp]> = {
    'images alone': [[images], /form \{xs: images, ys: labels\} or \[images/],
    'three tensors': [[images, classes, classes], /form \{xs: images/],
    'other names': [{images, labels: classes}, /form \{xs: images/],
    'arrays of numbers': [{xs: [1], ys: [1]}, /form \{xs: images/],
    nothing: [null as never, /form \{xs: images/],
    'pixels in 0 … 255': [{xs: tf.mul(images, 255), ys: classes}, /Divide pix/],
    'one image': [[tf.zeros([SIZE, SIZE, 3]), tf.zeros([1])], /\[N, H, W, C\]/],
    'labels that are too few': [[images, tf.zeros([5])], /must have the shape/],
    'labels out of range': [[images, tf.fill([N], 7)], /from 0 to 2/],
  };
  for (const [what, [batch, message]] of Object.entries(BAD)) {
    test.serial(`${backend}: ${what}: one sentence, no leak`, async t => {
      const model = toyModel();
      for (const mix of ['adversarial', 0.5] as const) {
        const map: BatchMap = adversarialMap(model, {attack: 'D', mix});
        const fail = () => t.throwsAsync(map(batch), {message});
        await fail();
        t.is(await leakAsync(fail), 0);
      }
    });
  }

  test.serial(`${backend}: bad options are refused at once`, t => {
    const make = (args: object) => () =>
      adversarialMap(toyModel(), {attack: 'D', ...args} as never);
    t.throws(make({attack: 'X'}), {message: /not a term/});
    t.throws(make({mix: 2}), {message: /adversarialMap: mix must be/});
    t.throws(make({step: 1}), {message: /no attack option/});
  });
}
