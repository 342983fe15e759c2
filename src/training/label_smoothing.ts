import * as tf from '@tensorflow/tfjs';
import {tidy} from '../ops/tidy.js';

/**
 * One-hot labels made less certain: (1 − s) y + s/classes. What is likeliest
 * stays so: accuracies are the same.
 *
 * Source: Szegedy et al. 2016, "Rethinking the Inception Architecture", section 7.
 *
 * @param labels [N, classes]
 * @throws Error for class indices.
 */
export function smoothLabels(
  labels: tf.Tensor,
  smoothing: number,
): tf.Tensor2D {
  if (labels.rank !== 2 || labels.shape[1]! < 2) {
    throw new Error(
      `labelSmoothing needs one-hot labels [N, classes] and a loss such as categoricalCrossentropy, but the labels have the shape [${labels.shape}].`,
    );
  }
  return tidy(
    () =>
      tf.add(
        tf.mul(tf.cast(labels, 'float32'), 1 - smoothing),
        smoothing / labels.shape[1]!,
      ) as tf.Tensor2D,
  );
}
