import * as tf from '@tensorflow/tfjs';

/**
 * f(x), as a constant: gradients do not go through it. For conditions, whose ops
 * have no gradient.
 */
export function constant<T extends tf.Tensor>(
  x: tf.Tensor,
  f: (x: tf.Tensor) => T,
): T {
  return tf.customGrad((x, save) => {
    // Kept for the gradient: the classifier's own `tidy` may free it before.
    (save as tf.GradSaveFunc)([x as tf.Tensor]);
    return {
      value: f(x as tf.Tensor),
      gradFunc: (_, [x]: tf.Tensor[]) => tf.zerosLike(x),
    };
  })(x) as T;
}
