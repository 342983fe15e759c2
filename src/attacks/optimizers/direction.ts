import * as tf from '@tensorflow/tfjs';
import type {Norm} from './optimizer.js';

/**
 * The direction of unit length along which a linear function with this gradient
 * rises the fastest: sign(g) for ℓ∞, and g/‖g‖₂ of each example for ℓ2. Zero
 * where the gradient is zero.
 *
 * @param gradient One entry per example along the first axis.
 */
export function steepest(gradient: tf.Tensor, norm: Norm): tf.Tensor {
  if (norm === 'linf') return tf.sign(gradient);
  // Scaled first: the squares of small gradients would vanish in float32.
  const axes = gradient.shape.map((_, i) => i).slice(1);
  const largest = tf.max(tf.abs(gradient), axes, true);
  const scaled = tf.div(gradient, nonzero(largest));
  const length = tf.sqrt(tf.sum(tf.square(scaled), axes, true));
  return tf.div(scaled, nonzero(length));
}

function nonzero(t: tf.Tensor): tf.Tensor {
  return tf.where(tf.equal(t, 0), tf.onesLike(t), t);
}

/** One number per example, [N], ready to multiply with `like`: [N, 1, 1, …]. */
export function perExample(
  x: number | tf.Tensor,
  like: tf.Tensor,
): number | tf.Tensor {
  return typeof x === 'number'
    ? x
    : tf.reshape(x, [-1, ...new Array(like.rank - 1).fill(1)]);
}
