import * as tf from '@tensorflow/tfjs';
import {labelLogit, largestOther} from './label_logit.js';
import type {Loss} from './loss.js';

/** Keeps the quotient finite where all of the largest logits are equal. */
const EPSILON = 1e-12;

/**
 * The difference of logits ratio (DLR), which does not change when all logits
 * are scaled or shifted. With z sorted in decreasing order as π, the attack
 * minimizes
 *
 *   (z_y − max_{i≠y} z_i) / (z_π1 − z_π3),
 *
 * and with a target class t, in whose case the label y or, if `targeted`, the
 * largest other logit stands against it,
 *
 *   (z_y − z_t) / (z_π1 − (z_π3 + z_π4)/2).
 *
 * Source: Croce & Hein 2020, equations 6 and 7.
 *
 * @throws Error if there are fewer than 3 classes, or than 4 with a target.
 */
export const dlr: Loss = ({logits, labels, targets, targeted}) => {
  const towards = targeted || targets;
  const classes = logits.shape[1];
  const needed = towards ? 4 : 3;
  if (classes < needed) {
    throw new Error(
      `The loss 'dlr' compares the ${needed} largest logits${towards ? ' when it has a target' : ''}, but the classifier has ${classes} classes; use 'margin'.`,
    );
  }
  const own = labelLogit(logits, labels);
  const z = sorted(logits, needed);
  const at = (rank: number) =>
    tf.reshape(tf.slice(z, [0, rank - 1], [-1, 1]), [-1]);
  if (!towards) {
    const gap = tf.sub(own, largestOther(logits, labels));
    return quotient(gap, tf.sub(at(1), at(3)));
  }
  const gap = targeted
    ? tf.sub(largestOther(logits, labels), own)
    : tf.sub(own, labelLogit(logits, targets!));
  const middle = tf.mul(tf.add(at(3), at(4)), 0.5);
  return quotient(gap, tf.sub(at(1), middle));
};

function quotient(gap: tf.Tensor, scale: tf.Tensor): tf.Tensor1D {
  return tf.div(gap, tf.add(scale, EPSILON)) as tf.Tensor1D;
}

/** The `count` largest entries of each row in decreasing order, [N, count]; unlike topk, with a gradient. */
function sorted(rows: tf.Tensor2D, count: number): tf.Tensor2D {
  const [n, width] = rows.shape;
  return tf.customGrad((x, save) => {
    const {values, indices} = tf.topk(x as tf.Tensor2D, count);
    (save as tf.GradSaveFunc)([indices]);
    return {
      value: values,
      gradFunc: (dy, saved) => {
        const [indices] = saved as tf.Tensor[];
        const marked = tf.cast(tf.oneHot(indices, width), 'float32');
        const each = tf.mul(marked, tf.reshape(dy, [n, count, 1]));
        return tf.sum(each, 1);
      },
    };
  })(rows) as tf.Tensor2D;
}
