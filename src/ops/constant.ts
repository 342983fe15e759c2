import * as tf from '@tensorflow/tfjs';

/**
 * f(x), as a constant: gradients do not go through it. For conditions, whose ops
 * have no gradient.
 */
export function constant<T extends tf.Tensor>(
  x: tf.Tensor,
  f: (x: tf.Tensor) => T,
): T {
  // A tidy may have disposed x by the time of the backward pass.
  const {shape} = x;
  return tf.customGrad(x => ({
    value: f(x as tf.Tensor),
    gradFunc: () => tf.zeros(shape),
  }))(x) as T;
}
