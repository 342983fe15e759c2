import * as tf from '@tensorflow/tfjs';
import {withoutFilterGradients} from '../tfjs/input_gradient.js';

const NO_GRADIENT = /^Cannot compute gradient of y=f\(x\)/;

/**
 * The gradients of a scalar with respect to what it is computed from, without
 * those of convolution filters, which no attack asks for.
 *
 * @throws Error if no derivative leads from the scalar to any of them.
 */
export function objectiveGradients(
  f: (...xs: tf.Tensor[]) => tf.Scalar,
  xs: tf.Tensor[],
): tf.Tensor[] {
  try {
    return withoutFilterGradients(() => tf.valueAndGrads(f)(xs).grads);
  } catch (error) {
    if (!NO_GRADIENT.test((error as Error).message)) throw error;
    throw new Error(
      "The classifier's outputs cannot be differentiated with respect to the images: compute them from the images with tfjs ops alone, without dataSync(), and let them depend on the images.",
      {cause: error},
    );
  }
}
