import * as tf from '@tensorflow/tfjs';
import type {CustomLoss} from '../../src/index.js';

/**
 * The sum of all hinges: by how much the label's logit exceeds each other one,
 * Σ_{i≠y} max(0, z_y − z_i). An attack that minimizes it makes the label the
 * least likely class, where the margin stops caring once one class is ahead.
 */
export const hingeLoss: CustomLoss = (logits, labels) => {
  const own = tf.sum(tf.mul(logits, labels), 1, true);
  return tf.sum(tf.relu(tf.sub(own, logits)), 1);
};
