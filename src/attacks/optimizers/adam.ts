import * as tf from '@tensorflow/tfjs';
import {perExample} from './direction.js';
import type {AttackOptimizer, Norm} from './optimizer.js';

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

/**
 * Adam with its default decay rates, ε added outside the root (Kingma & Ba 2015,
 * algorithm 1).
 *
 * For a bound on the ℓ2 norm, one second moment per example, the mean of those
 * of its entries, takes the place of one per entry. Steps then follow the
 * gradient's direction and have the usual length; with one moment per entry they
 * would follow its sign, which is steepest only for ℓ∞.
 *
 * The moments are kept divided by 1 − β, and that factor and the bias
 * corrections are moved from the moments (large) to the learning rate and ε (one
 * number an example), which saves passes through memory.
 */
export function adam(learningRate: number): AttackOptimizer {
  return {
    init: parameters =>
      parameters.flatMap(p => [tf.zerosLike(p), tf.zerosLike(p)]),
    update: ({parameters, gradients, state, step, norms}) => {
      const {rate, epsilon} = adamRates(learningRate, step);
      const next: tf.Tensor[] = [];
      const moved = parameters.map((p, i) => {
        const g = gradients[i];
        const m = tf.add(tf.mul(state[2 * i], BETA1), g);
        const v = tf.add(tf.mul(state[2 * i + 1], BETA2), squares(g, norms[i]));
        next.push(m, v);
        const size = tf.add(tf.sqrt(v), perExample(epsilon, p));
        return tf.sub(p, tf.mul(tf.div(m, size), perExample(rate, p)));
      });
      return {parameters: moved, state: next};
    },
  };
}

/** The gradient's squares; for ℓ2, their mean in every entry. */
function squares(gradient: tf.Tensor, norm: Norm): tf.Tensor {
  const squared = tf.square(gradient);
  if (norm === 'linf') return squared;
  const axes = gradient.shape.map((_, i) => i).slice(1);
  return tf.broadcastTo(tf.mean(squared, axes, true), gradient.shape);
}

/** With M = m/(1 − β₁) and V = v/(1 − β₂), the step m̂/(√v̂ + ε) is rate · M/(√V + epsilon). */
function adamRates(learningRate: number, step: number | number[]) {
  if (typeof step === 'number') return ratesAt(learningRate, step);
  const each = step.map(t => ratesAt(learningRate, t));
  return {
    rate: tf.tensor1d(each.map(r => r.rate)),
    epsilon: tf.tensor1d(each.map(r => r.epsilon)),
  };
}

/** In double precision: in single, 1 − β₂ᵗ loses half of its digits at the first steps. */
function ratesAt(learningRate: number, step: number) {
  const c1 = (1 - BETA1 ** step) / (1 - BETA1);
  const c2 = Math.sqrt(1 - BETA2 ** step) / Math.sqrt(1 - BETA2);
  return {rate: (learningRate * c2) / c1, epsilon: EPSILON * c2};
}
