import * as tf from '@tensorflow/tfjs';

/**
 * Differences between neighbours along an axis of tensors [N, A, B, C]: each has
 * one entry fewer than the tensor there. Backends do this as a small convolution
 * or product several times faster than they cut slices.
 */
export function differences(
  tensors: tf.Tensor4D[],
  axis: 1 | 2 | 3,
): tf.Tensor4D[] {
  const size = tensors[0].shape[axis];
  if (byConvolution(tensors[0], axis)) {
    const filter = taps(tensors[0], axis, [-1, 1]);
    return tensors.map(t => convolved(t, t, axis, filter, -1));
  }
  const matrix = differenceMatrix(size);
  return tensors.map(t => multiplied(t, axis, matrix, false));
}

/** The transpose of {@link differences}, for its gradient: one entry more. */
export function differencesTransposed(
  tensors: tf.Tensor4D[],
  axis: 1 | 2 | 3,
): tf.Tensor4D[] {
  const size = tensors[0].shape[axis];
  if (byConvolution(tensors[0], axis)) {
    const filter = taps(tensors[0], axis, [1, -1]);
    const stride = strideOf(tensors[0], axis);
    const pads = [0, 1, 2, 3].map(i =>
      i === axis ? [stride, stride] : [0, 0],
    );
    return tensors.map(t =>
      convolved(
        t,
        tf.pad(inColumns(t), pads as [number, number][]),
        axis,
        filter,
        1,
      ),
    );
  }
  const matrix = differenceMatrix(size + 1);
  return tensors.map(t => multiplied(t, axis, matrix, true));
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
  return shape[3] % 16 === 0 ? 16 : shape[3];
}

/** How far apart neighbours along `axis` are in {@link inColumns}. */
function strideOf(t: tf.Tensor4D, axis: 1 | 2 | 3): number {
  return axis === 2 ? t.shape[3] / channelsOf(t) : 1;
}

/** [N, A, B, C] with so many of C's entries on the axis of B that 16 are left. */
function inColumns(t: tf.Tensor4D): tf.Tensor4D {
  const [n, a] = t.shape;
  return tf.reshape(t, [n, a, -1, channelsOf(t)]);
}

/** `x`, which has the columns of `t`, with `change` more entries along `axis` than `t`. */
function convolved(
  t: tf.Tensor4D,
  x: tf.Tensor4D,
  axis: 1 | 2 | 3,
  filter: tf.Tensor4D,
  change: 1 | -1,
): tf.Tensor4D {
  const shape = [...t.shape] as [number, number, number, number];
  shape[axis] += change;
  const y = tf.depthwiseConv2d(inColumns(x), filter, 1, 'valid');
  return tf.reshape(y, shape);
}

/** The same two taps along `axis` for every channel. */
function taps(t: tf.Tensor4D, axis: 1 | 2 | 3, [a, b]: number[]): tf.Tensor4D {
  const channels = channelsOf(t);
  const apart = strideOf(t, axis);
  const values = new Float32Array((apart + 1) * channels);
  values.fill(a, 0, channels).fill(b, apart * channels);
  return tf.tensor4d(values, [
    axis === 1 ? 2 : 1,
    axis === 2 ? apart + 1 : 1,
    channels,
    1,
  ]);
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

function multiplied(
  t: tf.Tensor4D,
  axis: 1 | 2 | 3,
  matrix: tf.Tensor2D,
  transposed: boolean,
): tf.Tensor4D {
  const [n, a, b, c] = t.shape;
  const shape: [number, number, number, number] = [n, a, b, c];
  shape[axis] = matrix.shape[transposed ? 1 : 0];
  if (axis === 3 || (axis === 2 && c === 1)) {
    const rows = tf.reshape(t, [-1, t.shape[axis]]);
    return tf.reshape(tf.matMul(rows, matrix, false, !transposed), shape);
  }
  const columns = tf.reshape(t, axis === 1 ? [n, a, b * c] : [n * a, b, c]);
  const product = tf.matMul(tf.expandDims(matrix), columns, transposed);
  return tf.reshape(product, shape);
}
