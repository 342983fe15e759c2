import * as tf from '@tensorflow/tfjs';
import {alongAxis} from './along_axis.js';

/**
 * Moving averages of `width` entries along each of the given axes of a tensor
 * [N, A, B, C]; beyond an end, its entry is repeated.
 *
 * @param width Odd; Infinity for the mean of all entries.
 */
export function boxAverage(
  t: tf.Tensor4D,
  axes: ReadonlyArray<1 | 2 | 3>,
  width: number,
): tf.Tensor4D {
  if (width === 1) return t;
  // Not as a product, in which entries that should be equal may be rounded apart.
  if (width === Infinity) {
    return tf.broadcastTo(tf.mean(t, [...axes], true), t.shape) as tf.Tensor4D;
  }
  return axes
    .filter(axis => t.shape[axis] > 1)
    .reduce(
      (sum, axis) => alongAxis(sum, axis, averages(t.shape[axis], width)),
      t,
    );
}

/** Row i has the weights of entry i's neighborhood: [size, size]. */
function averages(size: number, width: number): tf.Tensor2D {
  const matrix = new Float32Array(size * size);
  const reach = (width - 1) / 2;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const count =
        Number(Math.abs(i - j) <= reach) +
        // What lies beyond an end counts as its entry.
        (j === 0 ? Math.max(reach - i, 0) : 0) +
        (j === size - 1 ? Math.max(reach - (size - 1 - i), 0) : 0);
      matrix[i * size + j] = count / width;
    }
  }
  return tf.tensor2d(matrix, [size, size]);
}
