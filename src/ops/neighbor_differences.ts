import * as tf from '@tensorflow/tfjs';
import {alongAxis} from './along_axis.js';

/**
 * Differences between neighbors along an axis of tensors [N, A, B, C]: each has
 * one entry fewer than the tensor there. Backends do this as a small convolution
 * or product several times faster than they cut slices.
 */
export function differences(
  tensors: tf.Tensor4D[],
  axis: 1 | 2 | 3,
): tf.Tensor4D[] {
  const size = tensors[0].shape[axis];
  if (byConvolution(tensors[0], axis)) {
    const filter = taps(tensors[0], [-1, 1]);
    return tensors.map(t => {
      const y = tf.depthwiseConv2d(inRows(t, axis), filter, 1, 'valid');
      return withEntries(y, t, axis, size - 1);
    });
  }
  const matrix = differenceMatrix(size);
  return tensors.map(t => alongAxis(t, axis, matrix, false));
}

/** The transpose of {@link differences}, for its gradient: one entry more. */
export function differencesTransposed(
  tensors: tf.Tensor4D[],
  axis: 1 | 2 | 3,
): tf.Tensor4D[] {
  const size = tensors[0].shape[axis];
  if (byConvolution(tensors[0], axis)) {
    const filter = taps(tensors[0], [1, -1]);
    const none: [number, number] = [0, 0];
    return tensors.map(t => {
      const x = tf.pad4d(inRows(t, axis), [none, [1, 1], none, none]);
      const y = tf.depthwiseConv2d(x, filter, 1, 'valid');
      return withEntries(y, t, axis, size + 1);
    });
  }
  const matrix = differenceMatrix(size + 1);
  return tensors.map(t => alongAxis(t, axis, matrix, true));
}

/** C's entries are the channels of a convolution; a single one is not worth it. */
function byConvolution(t: tf.Tensor4D, axis: 1 | 2 | 3): boolean {
  return axis < 3 && t.shape[3] > 1;
}

/**
 * The channels of the convolution, of which there are several in each C: with no
 * more than a vector holds, none need be moved to where blocks of them belong.
 */
function channelsOf({shape}: tf.Tensor4D): number {
  return shape[3] % 8 === 0 ? 8 : shape[3];
}

/** An image whose rows are the entries of `axis`; what comes before is the batch. */
function inRows(t: tf.Tensor4D, axis: 1 | 2 | 3): tf.Tensor4D {
  const [n, a, b] = t.shape;
  const batch = axis === 1 ? n : n * a;
  return tf.reshape(t, [batch, axis === 1 ? a : b, -1, channelsOf(t)]);
}

function withEntries(
  y: tf.Tensor4D,
  {shape}: tf.Tensor4D,
  axis: 1 | 2 | 3,
  entries: number,
): tf.Tensor4D {
  const changed: [number, number, number, number] = [...shape];
  changed[axis] = entries;
  return tf.reshape(y, changed);
}

/** The same two taps, one below the other, for every channel. */
function taps(t: tf.Tensor4D, [a, b]: number[]): tf.Tensor4D {
  const channels = channelsOf(t);
  const values = new Float32Array(2 * channels).fill(a, 0, channels);
  return tf.tensor4d(values.fill(b, channels), [2, 1, channels, 1]);
}

/** Row i takes entry i from entry i + 1: [size − 1, size]. */
function differenceMatrix(size: number): tf.Tensor2D {
  const matrix = new Float32Array((size - 1) * size);
  for (let i = 0; i + 1 < size; i++) {
    matrix[i * size + i] = -1;
    matrix[i * size + i + 1] = 1;
  }
  return tf.tensor2d(matrix, [size - 1, size]);
}

/**
 * Differences within disjoint pairs of neighbors along an axis: of entries
 * (0, 1), (2, 3), … for parity 0, of (1, 2), (3, 4), … for parity 1.
 */
export function pairDifferences(
  tensors: tf.Tensor4D[],
  axis: 1 | 2 | 3,
  parity: 0 | 1,
): tf.Tensor4D[] {
  const matrix = pairMatrix(tensors[0].shape[axis], parity);
  return tensors.map(t => alongAxis(t, axis, matrix, false));
}

/** The transpose of {@link pairDifferences}, to `size` entries along the axis. */
export function pairDifferencesTransposed(
  tensors: tf.Tensor4D[],
  axis: 1 | 2 | 3,
  parity: 0 | 1,
  size: number,
): tf.Tensor4D[] {
  const matrix = pairMatrix(size, parity);
  return tensors.map(t => alongAxis(t, axis, matrix, true));
}

/** Row k takes entry parity + 2k from the one after it: [pairs, size]. */
function pairMatrix(size: number, parity: number): tf.Tensor2D {
  const pairs = Math.floor((size - parity) / 2);
  const matrix = new Float32Array(pairs * size);
  for (let k = 0; k < pairs; k++) {
    matrix[k * size + parity + 2 * k] = -1;
    matrix[k * size + parity + 2 * k + 1] = 1;
  }
  return tf.tensor2d(matrix, [pairs, size]);
}

/**
 * {@link differences} with nothing but float32 subtractions: some backends
 * round the factors of products and convolutions (TF32 on GPUs).
 */
export function exactDifferences(
  tensors: tf.Tensor4D[],
  axis: 1 | 2 | 3,
): tf.Tensor4D[] {
  if (productsAreFloat32()) return differences(tensors, axis);
  return tensors.map(t => {
    const sizes = t.shape.map((n, i) => (i === axis ? n - 1 : n));
    const second = t.shape.map((_, i) => (i === axis ? 1 : 0));
    return tf.sub(tf.slice(t, second, sizes), tf.slice(t, [0, 0, 0, 0], sizes));
  });
}

/** On `onnx` products round to float32, and are faster than slices. */
function productsAreFloat32(): boolean {
  return tf.getBackend() === 'onnx';
}
