import * as tf from '@tensorflow/tfjs';
import {tidy} from '../ops/tidy.js';

/**
 * Whether the class with the largest logit is not the label's, bool [N]. Of equal
 * logits the first counts, as in tfjs's own accuracy.
 *
 * @param logits [N, classes]
 * @param oneHot Labels, [N, classes].
 */
export function misclassified(
  logits: tf.Tensor2D,
  oneHot: tf.Tensor2D,
): tf.Tensor1D {
  return tidy(
    () =>
      tf.notEqual(tf.argMax(logits, 1), tf.argMax(oneHot, 1)) as tf.Tensor1D,
  );
}
