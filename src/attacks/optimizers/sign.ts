import * as tf from '@tensorflow/tfjs';
import {steepest} from './direction.js';
import type {AttackOptimizer} from './optimizer.js';

/**
 * Steps of a fixed length along the steepest direction: the gradient's sign for
 * ℓ∞, the normalized gradient for ℓ2 (Madry et al. 2018, section 2.1).
 *
 * @param learningRate The length, in the units of the bounds and their norms.
 *     Default 2.5 ε/steps of each term, so that a search can cross its bound and
 *     come back.
 */
export function sign(learningRate?: number): AttackOptimizer {
  return {
    init: () => [],
    update: ({parameters, gradients, bounds, norms, steps}) => ({
      parameters: parameters.map((p, i) => {
        const length = learningRate ?? (2.5 * bounds[i]) / Math.max(steps, 1);
        return tf.sub(p, tf.mul(steepest(gradients[i], norms[i]), length));
      }),
      state: [],
    }),
  };
}
