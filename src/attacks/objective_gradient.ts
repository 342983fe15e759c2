import * as tf from '@tensorflow/tfjs';
import {freeingTape} from '../tfjs/abandoned_tape.js';
import {withoutFilterGradients} from '../tfjs/input_gradient.js';

const NO_GRADIENT = /^Cannot compute gradient of y=f\(x\)/;

const NO_GRADIENT_OF_OP =
  /^Cannot compute gradient: gradient function not found for (\w+)/;

/**
 * The gradients of a scalar with respect to what it is computed from, without
 * those of convolution filters, which no attack asks for.
 *
 * @throws Error if no derivative leads from the scalar to any of them, or if an
 *     op in between has none.
 */
export function objectiveGradients(
  f: (...xs: tf.Tensor[]) => tf.Scalar,
  xs: tf.Tensor[],
): tf.Tensor[] {
  try {
    return freeingTape(() =>
      withoutFilterGradients(() => tf.valueAndGrads(f)(xs).grads),
    );
  } catch (error) {
    const {message} = error as Error;
    const [, op] = NO_GRADIENT_OF_OP.exec(message) ?? [];
    if (op) {
      throw new Error(
        `The classifier uses the op ${op}, which has no gradient in TensorFlow.js: replace it, or attack without gradients, with the optimizer 'square'.`,
        {cause: error},
      );
    }
    if (!NO_GRADIENT.test(message)) throw error;
    throw new Error(
      "The classifier's outputs cannot be differentiated with respect to the images: compute them from the images with tfjs ops alone, without dataSync(), and let them depend on the images.",
      {cause: error},
    );
  }
}
