import * as tf from '@tensorflow/tfjs';
import {hasNonFinite, whereExample} from '../ops/finite.js';
import {margin} from './losses.js';

/** What one forward pass shows of each example. */
export interface Outcome {
  adversarial: tf.Tensor4D;
  /** As {@link Perturbed.margin}. */
  margin: tf.Tensor1D;
  smoothness: tf.Tensor1D;
}

/**
 * The margin by which an attack is still behind: that of the labels, or, if
 * targeted, its negative. NaN where a logit is NaN, which some backends' maximum
 * would pass over.
 */
export function attackMargin(
  logits: tf.Tensor2D,
  labels: tf.Tensor2D,
  targeted: boolean,
): tf.Tensor1D {
  return tf.tidy(() => {
    const m = margin(logits, labels);
    const noAnswer = tf.any(tf.isNaN(logits), 1);
    const signed = targeted ? tf.neg(m) : m;
    return tf.where(noAnswer, tf.fill(m.shape, NaN), signed) as tf.Tensor1D;
  });
}

/**
 * Where a margin is better for the attacker than another, bool [N]. A NaN, a
 * classifier without an answer, is no defense: it counts as less than any
 * number. So a search that stops at its first success and one that keeps the
 * best agree.
 */
export function isBetter(now: tf.Tensor1D, before: tf.Tensor1D): tf.Tensor1D {
  return tf.tidy(() =>
    tf.logicalAnd(
      tf.logicalNot(tf.greaterEqual(now, before)),
      tf.logicalNot(tf.isNaN(before)),
    ),
  ) as tf.Tensor1D;
}

/** {@link isBetter}, on the host. */
export function isLess(now: number, before: number): boolean {
  return !(now >= before) && !Number.isNaN(before);
}

/**
 * Whether attacks have succeeded, bool [N]: the margin is below 0; or it is NaN
 * and the image is not the clean one. A classifier that gives NaN for a clean
 * image is wrong there without any attack.
 */
export function isSuccess(
  margin: tf.Tensor1D,
  adversarial: tf.Tensor4D,
  images: tf.Tensor4D,
): tf.Tensor1D {
  return tf.tidy(() => {
    const changed = tf.any(tf.notEqual(adversarial, images), [1, 2, 3]);
    return tf.logicalOr(
      tf.less(margin, 0),
      tf.logicalAnd(tf.isNaN(margin), changed),
    );
  }) as tf.Tensor1D;
}

/** Clean images in place of ones that are not finite, with a margin of Infinity: they are never a success. */
export function withFiniteImages(
  {adversarial, margin, smoothness}: Outcome,
  images: tf.Tensor4D,
): Outcome {
  const lost = hasNonFinite(adversarial);
  return {
    adversarial: whereExample(lost, images, adversarial),
    margin: tf.where(lost, tf.fill(margin.shape, Infinity), margin),
    smoothness,
  };
}
