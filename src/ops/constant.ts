import * as tf from '@tensorflow/tfjs';

/**
 * f(x), as a constant: gradients do not go through it. For conditions, whose ops
 * have no gradient.
 */
export function constant<T extends tf.Tensor>(
  x: tf.Tensor,
  f: (x: tf.Tensor) => T,
): T {
  return tf.customGrad(x => ({
    value: f(x as tf.Tensor),
    gradFunc: () => tf.zerosLike(x as tf.Tensor),
  }))(x) as T;
}
