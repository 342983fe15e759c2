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
  return axes
    .filter(axis => t.shape[axis] > 1)
    .reduce(
      (sum, axis) => alongAxis(sum, axis, averages(t.shape[axis], width)),
      t,
    );
}

/** Row i has the weights of entry i's neighborhood: [size, size]. */
function averages(size: number, width: number): tf.Tensor2D {
  if (width === Infinity) return tf.fill([size, size], 1 / size);
  const matrix = new Float32Array(size * size);
  const reach = (width - 1) / 2;
  for (let i = 0; i < size; i++) {
    for (let j = i - reach; j <= i + reach; j++) {
      matrix[i * size + Math.min(Math.max(j, 0), size - 1)] += 1 / width;
    }
  }
  return tf.tensor2d(matrix, [size, size]);
}
