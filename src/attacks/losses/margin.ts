import * as tf from '@tensorflow/tfjs';
import {constant} from '../../ops/constant.js';
import type {Loss} from './loss.js';
import {labelLogit, largestOther} from './label_logit.js';

/** The margin of a tie, whose sign says which class argMax picks. */
const TIE = 1e-30;

/**
 * f6, the margin by which the label wins: its logit minus the largest other one,
 *
 *   z_y − max_{i≠y} z_i.
 *
 * It is positive where argMax picks the label and negative where it picks
 * another class. Equal logits have the margin ±1e-30 instead of 0, so that the
 * sign agrees with argMax there too. The margin of NaN logits is NaN. Infinite
 * logits are allowed.
 *
 * Source: Carlini & Wagner 2017, f₆.
 *
 * @param logits [N, classes]
 * @param labels One-hot, [N, classes]
 * @returns [N]
 */
export function margin(logits: tf.Tensor2D, labels: tf.Tensor2D): tf.Tensor1D {
  return tf.tidy(() => {
    const own = labelLogit(logits, labels);
    const other = largestOther(logits, labels);
    // Also where both are infinite, whose difference is NaN.
    const tied = constant(own, x => tf.equal(x, other));
    const tie = constant(logits, z => {
      const chosen = tf.equal(tf.argMax(z, 1), tf.argMax(labels, 1));
      return tf.sub(tf.mul(tf.cast(chosen, 'float32'), 2 * TIE), TIE);
    });
    return tf.where(tied, tie, tf.sub(own, other) as tf.Tensor) as tf.Tensor1D;
  });
}

/** Whether an example with this {@link margin} withstands the attack. A NaN does not. */
export function withstands(margin: number): boolean {
  return margin >= 0;
}

/** Whether the attack succeeded, for examples of these margins: bool [N]. A NaN counts as success. */
export function succeeded(margin: tf.Tensor1D): tf.Tensor1D {
  return tf.tidy(() => tf.logicalNot(tf.greaterEqual<tf.Tensor1D>(margin, 0)));
}

/**
 * The margin, negated if targeted, never below −confidence; with a target class
 * t, z_y − z_t. Ties have a slope here.
 */
export const marginLoss: Loss = args => {
  const {logits, labels, targets, targeted, confidence} = args;
  const other = targets
    ? labelLogit(logits, targets)
    : largestOther(logits, labels);
  const gap = tf.sub(labelLogit(logits, labels), other);
  const towards = targeted ? tf.neg(gap) : gap;
  return (
    confidence === Infinity ? towards : tf.maximum(towards, -confidence)
  ) as tf.Tensor1D;
};
