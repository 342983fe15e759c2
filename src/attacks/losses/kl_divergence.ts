import * as tf from '@tensorflow/tfjs';
import {constant} from '../../ops/constant.js';
import type {Loss} from './loss.js';

/**
 * Σ p (log p − log q) of the softmaxes of two sets of logits [N, classes]: [N].
 * Classes with p = 0 add nothing.
 */
export function klDivergence(
  logitsP: tf.Tensor2D,
  logitsQ: tf.Tensor2D,
): tf.Tensor1D {
  return tf.tidy(() => {
    const logP = tf.logSoftmax(logitsP);
    const logQ = tf.logSoftmax(logitsQ);
    const p = tf.exp(logP);
    // Masked before the subtraction: −∞ − (−∞) would be NaN, in the gradient too.
    const ruledOut = constant(p, x => tf.equal(x, 0));
    const zeros = tf.zerosLike(logP);
    const masked = (t: tf.Tensor) => tf.where(ruledOut, zeros, t);
    return tf.sum(
      tf.mul(p, tf.sub(masked(logP), masked(logQ))),
      1,
    ) as tf.Tensor1D;
  });
}

/**
 * −KL(clean ‖ perturbed): away from the clean prediction, whatever the label.
 *
 * Source: Zhang et al. 2019 (TRADES), equation 5.
 */
export const kl: Loss = ({logits, cleanLogits}) =>
  tf.neg(klDivergence(cleanLogits!, logits));
