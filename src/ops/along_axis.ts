import * as tf from '@tensorflow/tfjs';

/**
 * A tensor [N, A, B, C] times a matrix along one of its axes: entry i there is
 * the sum over j of matrix[i, j] times entry j.
 *
 * @param transposed Whether to multiply by the transpose instead.
 */
export function alongAxis(
  t: tf.Tensor4D,
  axis: number,
  matrix: tf.Tensor2D,
  transposed = false,
): tf.Tensor4D {
  const shape: [number, number, number, number] = [...t.shape];
  const before = t.shape.slice(0, axis).reduce((a, b) => a * b, 1);
  const after = t.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const size = t.shape[axis];
  shape[axis] = matrix.shape[transposed ? 1 : 0];
  if (after === 1) {
    const rows = tf.reshape(t, [-1, size]);
    return tf.reshape(tf.matMul(rows, matrix, false, !transposed), shape);
  }
  const columns = tf.reshape(t, [before, size, after]);
  const product = tf.matMul(tf.expandDims(matrix), columns, transposed);
  return tf.reshape(product, shape);
}
