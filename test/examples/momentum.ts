import * as tf from '@tensorflow/tfjs';
import type {AttackOptimizer} from '../../src/index.js';

/**
 * Momentum iterative FGSM (Dong et al. 2018, algorithm 1): steps of fixed length
 * along the sign of the accumulated gradient, g ← μ g + ∇/‖∇‖₁. Its state is g,
 * one tensor for each of the parameters.
 *
 * @param mu How much of the accumulated gradient each step keeps.
 */
export function momentum(mu = 1): AttackOptimizer {
  return {
    init: parameters => parameters.map(p => tf.zerosLike(p)),
    update: ({parameters, gradients, state, bounds, steps}) => {
      const accumulated = gradients.map((gradient, i) => {
        const axes = gradient.shape.map((_, axis) => axis).slice(1);
        const norm = tf.sum(tf.abs(gradient), axes, true);
        const scaled = tf.div(gradient, tf.maximum(norm, 1e-30));
        return tf.add(tf.mul(state[i], mu), scaled);
      });
      const moved = parameters.map((p, i) =>
        tf.sub(p, tf.mul(tf.sign(accumulated[i]), (2 * bounds[i]) / steps)),
      );
      return {parameters: moved, state: accumulated};
    },
  };
}
