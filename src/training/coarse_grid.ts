import * as tf from '@tensorflow/tfjs';
import {tidy} from '../ops/tidy.js';

/**
 * Points of a coarse grid over an axis of `size` points: its ends, and at least
 * one every `spacing` points between them.
 */
export function coarseSize(size: number, spacing: number): number {
  return size < 2 ? size : Math.ceil((size - 1) / spacing) + 1;
}

/**
 * Multilinear interpolation from a coarse grid, along the axes 1 to
 * `sizes.length`, to as many points as `sizes` says; the end points of the grids
 * coincide. Linear, with a gradient.
 *
 * @param coarse [N, …coarse sizes, …rest]
 * @param sizes Points along the axes 1, 2, …
 * @returns [N, …sizes, …rest]
 */
export function interpolate(coarse: tf.Tensor, sizes: number[]): tf.Tensor {
  return tidy(() =>
    sizes.reduce((t, size, i) => alongAxis(t, i + 1, size), coarse),
  );
}

function alongAxis(t: tf.Tensor, axis: number, size: number): tf.Tensor {
  const from = t.shape[axis];
  if (from === size) return t;
  const product = (sizes: number[]) => sizes.reduce((a, b) => a * b, 1);
  const before = product(t.shape.slice(0, axis));
  const after = product(t.shape.slice(axis + 1));
  const matrix = tf.tensor2d(interpolation(from, size), [size, from]);
  const columns = tf.reshape(t, [before, from, after]) as tf.Tensor3D;
  const fine =
    after === 1
      ? tf.matMul(tf.reshape(columns, [before, from]), matrix, false, true)
      : tf.matMul(tf.tile(tf.expandDims(matrix), [before, 1, 1]), columns);
  const shape = [...t.shape];
  shape[axis] = size;
  return tf.reshape(fine, shape);
}

/** Row i has the weights of the coarse points that fine point i lies between. */
function interpolation(from: number, to: number): Float32Array {
  const weights = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    const place = to > 1 ? (i * (from - 1)) / (to - 1) : 0;
    const low = Math.min(Math.floor(place), Math.max(from - 2, 0));
    weights[i * from + low] = 1 - (place - low);
    if (low + 1 < from) weights[i * from + low + 1] = place - low;
  }
  return weights;
}
