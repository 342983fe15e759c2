import * as tf from '@tensorflow/tfjs';
import {labelLogit} from './label_logit.js';
import type {Loss} from './loss.js';

/**
 * log p_y, the log-probability of the true class, which the attack minimizes; or
 * −log p_t of the target class t.
 *
 * Source: Madry et al. 2018, section 2.
 */
export const crossEntropy: Loss = ({logits, labels, targeted}) => {
  const logProbabilities = tf.logSoftmax(logits) as tf.Tensor2D;
  const own = labelLogit(logProbabilities, labels);
  return targeted ? tf.neg(own) : own;
};
