import * as tf from '@tensorflow/tfjs';

/** How many random directions a gradient is looked at in. */
const DIRECTIONS = 6;

/**
 * How far the gradient of the scalar `f` at `x` is from central differences of
 * `f`, along random directions, relative to the size of what is compared.
 *
 * @param step Half the distance between the two values that are compared: small
 *     against the scale on which `f` bends, large against the rounding of float32.
 */
export function gradientError(
  f: (x: tf.Tensor) => tf.Tensor,
  x: tf.Tensor,
  step = 1e-3,
): number {
  return tf.tidy(() => {
    const gradient = tf.grad(x => f(x) as tf.Scalar)(x);
    let error = 0;
    let scale = 0;
    for (let seed = 1; seed <= DIRECTIONS; seed++) {
      const direction = tf.randomNormal(x.shape, 0, 1, 'float32', seed);
      const at = (t: number) =>
        f(tf.add(x, tf.mul(direction, t))).dataSync()[0];
      const difference = (at(step) - at(-step)) / (2 * step);
      const slope = tf.sum(tf.mul(gradient, direction)).dataSync()[0];
      error = Math.max(error, Math.abs(difference - slope));
      scale = Math.max(scale, Math.abs(slope), Math.abs(difference));
    }
    if (scale === 0) throw new Error('nothing to compare: no slope anywhere');
    return error / scale;
  });
}

/** Σ weight · t, with fixed random weights: a scalar that every value of `t` counts in. */
export function weighted(t: tf.Tensor, seed = 11): tf.Tensor {
  return tf.tidy(() =>
    tf.sum(tf.mul(t, tf.randomNormal(t.shape, 0, 1, 'float32', seed))),
  );
}
