import * as tf from '@tensorflow/tfjs';

/** More than were needed on images of zeros and ones, which are the hardest. */
const ITERATIONS = 8;

/**
 * The nearest δ with ‖δ‖₂ ≤ ε for which x + δ is in [0, 1]. It has the form
 * clip(s δ, −x, 1 − x) with one factor s ≤ 1 per example. Without the clip, s is
 * ε/‖δ‖; each iteration then lets the entries that are not clipped take up what
 * the clipped ones leave of ε. Every iterate is allowed.
 *
 * @param delta [N, H, W, C]
 * @param images [N, H, W, C] in [0, 1]
 */
export function ballAndBox(
  delta: tf.Tensor,
  images: tf.Tensor4D,
  epsilon: number,
): tf.Tensor {
  const low = tf.neg(images);
  const high = tf.sub(1, images);
  const sum = (t: tf.Tensor) => tf.sum(t, [1, 2, 3], true);
  const squares = tf.square(delta);
  const clip = (s: tf.Tensor) =>
    tf.minimum(tf.maximum(tf.mul(delta, s), low), high);
  const tiny = 1e-24;
  const factor = (left: tf.Tensor, free: tf.Tensor) =>
    tf.minimum(tf.sqrt(tf.div(left, tf.maximum(free, tiny))), 1);
  let s = factor(
    tf.fill([delta.shape[0], 1, 1, 1], epsilon ** 2),
    sum(squares),
  );
  for (let i = 0; i < ITERATIONS; i++) {
    const scaled = tf.mul(delta, s);
    const clipped = clip(s);
    const free = tf.cast(tf.equal(scaled, clipped), 'float32');
    const taken = sum(tf.mul(tf.square(clipped), tf.sub(1, free)));
    const left = tf.relu(tf.sub(epsilon ** 2, taken));
    // Never less than before: rounding must not undo progress.
    s = tf.maximum(s, factor(left, sum(tf.mul(squares, free))));
  }
  const bounded = clip(s);
  // The last digits, so that the norm is not above ε.
  const norm = tf.sqrt(sum(tf.square(bounded)));
  return tf.mul(
    bounded,
    tf.minimum(tf.div(epsilon, tf.maximum(norm, 1e-12)), 1),
  );
}
