import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {keepRows, putRows} from '../../src/ops/rows.js';
import {smoothness} from '../../src/attacks/threat_models/smoothness.js';
import {StAdv} from '../../src/attacks/threat_models/stadv.js';
import {
  exactCoordinates,
  gridSampleCoordinates,
  warp,
} from '../../src/attacks/threat_models/warp.js';
import {missingBackend, usual} from '../helpers/backends.js';
import {toyImages} from '../helpers/toy.js';

await missingBackend(usual);

const values = (t: tf.Tensor) => [...t.dataSync()];
function close(
  got: tf.Tensor,
  wanted: number[] | Float32Array,
  tolerance = 1e-6,
): boolean {
  const numbers = got.dataSync();
  return (
    numbers.length === wanted.length &&
    numbers.every((v, i) => Math.abs(v - wanted[i]) <= tolerance)
  );
}

/** A flow of the same (x, y) everywhere, in pixels. */
function shift(images: tf.Tensor4D, x: number, y: number): tf.Tensor4D {
  const [n, height, width] = images.shape;
  const one = [(2 * x) / (width - 1), (2 * y) / (height - 1)];
  return tf.tile(tf.tensor4d(one, [1, 1, 1, 2]), [n, height, width, 1]);
}

test.serial('a flow of whole pixels shifts, with zeros from outside', t => {
  const images = toyImages(2, {size: 5});
  for (const coordinates of [exactCoordinates, gridSampleCoordinates]) {
    const moved = warp(images, shift(images, 1, 0), coordinates, false);
    const wanted = tf.pad(tf.slice(images, [0, 0, 1, 0]), [
      [0, 0],
      [0, 0],
      [0, 1],
      [0, 0],
    ]);
    t.true(close(moved, wanted.dataSync() as Float32Array, 1e-5));
    const up = warp(images, shift(images, 0, -2), coordinates, true);
    const below = tf.pad(tf.slice(images, [0, 0, 0, 0], [-1, 3, -1, -1]), [
      [0, 0],
      [2, 0],
      [0, 0],
      [0, 0],
    ]);
    t.true(close(up, below.dataSync() as Float32Array, 1e-5));
  }
});

test.serial('a flow of half a pixel averages neighbors', t => {
  const images = tf.tensor4d([0.2, 0.6, 0.4, 1], [1, 2, 2, 1]);
  const x = warp(images, shift(images, 0.5, 0), exactCoordinates, false);
  t.true(close(x, [0.4, 0.3, 0.7, 0.5]));
  const y = warp(images, shift(images, 0, 0.5), exactCoordinates, false);
  t.true(close(y, [0.3, 0.8, 0.2, 0.5]));
  const both = warp(images, shift(images, 0.5, 0.5), exactCoordinates, false);
  t.true(close(both, [0.55, 0.4, 0.35, 0.25]));
});

test.serial('images a pixel wide or high can be warped', t => {
  for (const shape of [
    [1, 1, 4, 3],
    [2, 4, 1, 1],
    [1, 1, 1, 2],
  ] as Array<[number, number, number, number]>) {
    for (const variant of ['paper', 'reference'] as const) {
      const images: tf.Tensor4D = tf.randomUniform(shape, 0, 1, 'float32', '1');
      const model = new StAdv({variant, epsilon: 0.4});
      const [n, height, width] = shape;
      const flow = tf.randomUniform(
        [n, height, width, 2],
        -1,
        1,
        'float32',
        '2',
      );
      const projected = model.project([flow]);
      const warped = values(model.apply(images, projected, null));
      t.true(warped.every(v => v >= 0 && v <= 1));
      const still = model.apply(images, model.zeros(images), null);
      t.true(close(still, images.dataSync() as Float32Array, 1e-6));
    }
  }
});

test.serial('smoothness of a field, counted by hand', t => {
  // One row of three points, two components: steps of length 5 and 13.
  const row = (v: number[]) => tf.tensor4d(v, [1, 1, 1, 3]);
  const rough = smoothness([row([0, 3, 8]), row([0, 4, 16])]);
  // Each pair twice; each of two borders counts √1e-10.
  t.true(close(rough, [2 * (5 + 13) + 2e-5], 1e-4));
  // Two by two points of one component: four pairs, eight borders.
  const square = smoothness([tf.tensor4d([0, 1, 2, 5], [1, 1, 2, 2])]);
  t.true(close(square, [2 * (1 + 3 + 2 + 4) + 8e-5], 1e-4));
});

test.serial(
  'smoothness of constant fields is that of the borders and pairs alone',
  t => {
    const flat = smoothness([1, 2].map(() => tf.ones([2, 2, 3, 4])));
    // 24 points of six neighbors each, inside or beyond the border.
    t.true(close(flat, [24 * 6 * 1e-5, 24 * 6 * 1e-5], 1e-7));
  },
);

test.serial('a point alone is smooth', t => {
  t.deepEqual(values(smoothness([tf.ones([3, 1, 1, 1])])), [0, 0, 0]);
});

test.serial('rows are kept and put back in their places', t => {
  const x = tf.tensor2d([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  t.deepEqual(keepRows(x, [2, 0]).arraySync(), [
    [5, 6],
    [1, 2],
  ]);
  t.deepEqual(keepRows(x, [0, 1, 2]).arraySync(), x.arraySync());
  t.deepEqual(keepRows(x, []).shape, [0, 2]);
  const parts = [
    tf.tensor2d([
      [5, 6],
      [1, 2],
    ]),
    tf.tensor2d([[3, 4]]),
  ];
  t.deepEqual(putRows(parts, [2, 0, 1]).arraySync(), x.arraySync());
  const flags = tf.tensor1d([true, false], 'bool');
  t.is(keepRows(flags, [1]).dtype, 'bool');
});
