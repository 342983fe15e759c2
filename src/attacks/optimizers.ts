import * as tf from '@tensorflow/tfjs';

/**
 * A rule of descent. Unlike tfjs's training optimizers it keeps its state in
 * plain tensors with one entry per example, so that examples can leave a batch.
 */
export interface AttackOptimizer {
  /** State for parameters `p` at step 0, as one list of tensors. */
  init(parameters: tf.Tensor[]): tf.Tensor[];
  /**
   * One step. `step` counts from 1: one number for all examples, or each one's own.
   */
  update(
    parameters: tf.Tensor[],
    gradients: tf.Tensor[],
    state: tf.Tensor[],
    step: number | number[],
  ): {parameters: tf.Tensor[]; state: tf.Tensor[]};
}

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

/**
 * Adam with its default decay rates, ε added outside the root (Kingma & Ba 2015,
 * algorithm 1).
 *
 * The moments are kept divided by 1 − β, and that factor and the bias
 * corrections are moved from the moments (large) to the learning rate and ε (one
 * number an example), which saves passes through memory.
 */
export function adam(learningRate: number): AttackOptimizer {
  return {
    init: parameters =>
      parameters.flatMap(p => [tf.zerosLike(p), tf.zerosLike(p)]),
    update: (parameters, gradients, state, step) => {
      const {rate, epsilon} = adamRates(learningRate, step);
      const next: tf.Tensor[] = [];
      const moved = parameters.map((p, i) => {
        const g = gradients[i];
        const m = tf.add(tf.mul(state[2 * i], BETA1), g);
        const v = tf.add(tf.mul(state[2 * i + 1], BETA2), tf.square(g));
        next.push(m, v);
        const size = tf.add(tf.sqrt(v), perExample(epsilon, p));
        return tf.sub(p, tf.mul(tf.div(m, size), perExample(rate, p)));
      });
      return {parameters: moved, state: next};
    },
  };
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

function perExample(x: number | tf.Tensor, like: tf.Tensor) {
  return typeof x === 'number'
    ? x
    : tf.reshape(x, [-1, ...new Array(like.rank - 1).fill(1)]);
}

/** Steps of a fixed length along the sign of the gradient (Madry et al. 2018). */
export function sign(stepSizes: number[]): AttackOptimizer {
  return {
    init: () => [],
    update: (parameters, gradients) => ({
      parameters: parameters.map((p, i) =>
        tf.sub(p, tf.mul(tf.sign(gradients[i]), stepSizes[i])),
      ),
      state: [],
    }),
  };
}
