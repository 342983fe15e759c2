import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {batches, imageDataset} from '../../src/data/batches.js';
import {CIFAR10_CLASSES} from '../../src/data/cifar10_format.js';
import {ImageSet} from '../../src/data/images.js';
import {smallCnn} from '../../src/models/small.js';
import {cifar10Strip} from '../helpers/strip.js';

/** Images that carry their own number, to see where they go. */
const numbered = (size: number) =>
  new ImageSet(
    Uint8Array.from({length: size}, (_, i) => i),
    Uint8Array.from({length: size}, (_, i) => i % 3),
    [1, 1, 1],
    ['a', 'b', 'c'],
  );

/** Numbers of the images of each batch. */
const order = (...args: Parameters<typeof batches>) =>
  [...batches(...args)].map(({xs, ys}) => {
    const numbers = [...xs.dataSync()].map(v => Math.round(v * 255));
    tf.dispose([xs, ys]);
    return numbers;
  });

test.serial('an epoch has every image once, with its label', t => {
  const before = tf.memory().numTensors;
  const seen: number[] = [];
  for (const {xs, ys} of batches(numbered(10), {batchSize: 4, seed: 1})) {
    const numbers = [...xs.dataSync()].map(v => Math.round(v * 255));
    t.deepEqual(
      [...ys.argMax(-1).dataSync()],
      numbers.map(i => i % 3),
    );
    seen.push(...numbers);
    tf.dispose([xs, ys]);
  }
  t.deepEqual(
    seen.slice().sort((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  t.notDeepEqual(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  t.true(tf.memory().numTensors - before <= 3);
});

test.serial('order follows from seed and epoch', t => {
  const set = numbered(50);
  const options = {batchSize: 8, seed: 1, epoch: 2};
  t.deepEqual(order(set, options), order(set, options));
  t.notDeepEqual(order(set, options), order(set, {...options, epoch: 3}));
  t.notDeepEqual(order(set, options), order(set, {...options, seed: 2}));
  t.deepEqual(
    order(set, {...options, startBatch: 4}),
    order(set, options).slice(4),
  );
  t.deepEqual(
    order(set, {batchSize: 30, shuffle: false}).flat(),
    Array.from({length: 50}, (_, i) => i),
  );
  t.deepEqual(
    order(set, {batchSize: 30, dropRemainder: true}).map(b => b.length),
    [30],
  );
});

test.serial('augmentation does not depend on how batches are cut', t => {
  const strip = cifar10Strip().slice(0, 12);
  const all = (batchSize: number, epoch = 0) =>
    tf.tidy(() =>
      tf
        .concat(
          [...batches(strip, {batchSize, epoch, augment: true, seed: 5})].map(
            b => b.xs,
          ),
        )
        .dataSync(),
    );
  t.deepEqual(all(5), all(12));
  t.notDeepEqual(all(5), all(5, 1));
  const plain = tf.tidy(() => strip.tensor().dataSync());
  t.notDeepEqual([...all(5)].sort(), [...plain].sort());
});

test.serial('labels may be class indices', t => {
  const [{xs, ys}] = batches(numbered(4), {labels: 'index', shuffle: false});
  t.is(ys.dtype, 'int32');
  t.deepEqual([...ys.dataSync()], [0, 1, 2, 0]);
  tf.dispose([xs, ys]);
});

test.serial('options out of range are refused at once', t => {
  const set = numbered(4);
  t.throws(() => batches(set, {batchSize: 0}), {message: /batchSize/});
  t.throws(() => batches(set, {seed: -1}), {message: /seed/});
  t.throws(() => batches(set, {startBatch: 0.5}), {message: /startBatch/});
  t.throws(() => imageDataset(set, {epoch: -1}), {message: /epoch/});
  t.throws(() => imageDataset(set, {augment: {crop: 1.5}}), {message: /crop/});
  t.throws(() => batches(set, {labels: 'hot' as 'index'}), {message: /labels/});
});

/** Weights after training on a data set; the same initial weights. */
async function train(
  fit: (model: tf.LayersModel) => Promise<unknown>,
): Promise<Float32Array> {
  const model = smallCnn({
    seed: 1,
    width: 1,
    batchNorm: false,
    inputShape: [8, 8, 3],
  });
  model.compile({
    optimizer: tf.train.sgd(0.05),
    loss: 'categoricalCrossentropy',
  });
  await fit(model);
  const values = model.getWeights().flatMap(w => [...w.dataSync()]);
  model.dispose();
  return Float32Array.from(values);
}

test.serial(
  'fitDataset trains on it, epoch by epoch, and can go on',
  async t => {
    const set = new ImageSet(
      cifar10Strip().images.subarray(0, 8 * 8 * 8 * 3),
      cifar10Strip().labels.subarray(0, 8),
      [8, 8, 3],
      CIFAR10_CLASSES,
    );
    const options = {batchSize: 3, augment: true, seed: 3};
    const whole = await train(model =>
      model.fitDataset(imageDataset(set, options), {epochs: 3, verbose: 0}),
    );
    const byHand = await train(async model => {
      for (let epoch = 0; epoch < 3; epoch++) {
        for (const {xs, ys} of batches(set, {...options, epoch})) {
          await model.trainOnBatch(xs, ys);
          tf.dispose([xs, ys]);
        }
      }
    });
    t.deepEqual(whole, byHand);
    const resumed = await train(async model => {
      await model.fitDataset(imageDataset(set, options), {
        epochs: 1,
        verbose: 0,
      });
      await model.fitDataset(imageDataset(set, {...options, epoch: 1}), {
        initialEpoch: 1,
        epochs: 3,
        verbose: 0,
      });
    });
    t.deepEqual(whole, resumed);
  },
);

test.serial('fitDataset leaks nothing and knows the length', async t => {
  const strip = cifar10Strip().slice(0, 9);
  const dataset = imageDataset(strip, {batchSize: 4});
  t.is(dataset.size, 3);
  const model = smallCnn({width: 1, batchNorm: false});
  model.compile({optimizer: 'sgd', loss: 'categoricalCrossentropy'});
  let inside = 0;
  await model.fitDataset(dataset, {
    epochs: 3,
    verbose: 0,
    callbacks: {
      onEpochEnd: async epoch => {
        const {numTensors} = tf.memory();
        if (epoch > 0) t.is(numTensors, inside);
        inside = numTensors;
      },
    },
  });
  t.true(inside > 0);
  model.dispose();
});
