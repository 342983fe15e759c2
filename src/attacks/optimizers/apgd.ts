import * as tf from '@tensorflow/tfjs';
import {checkpoints, iterateAt} from './apgd_checkpoints.js';
import {perExample, steepest} from './direction.js';
import type {AttackOptimizer} from './optimizer.js';

/** The weight of the new step against the one before. */
const ALPHA = 0.75;

/** Numbers per example that come first in the state. */
const SCALARS = 6;

/**
 * Auto-PGD: projected gradient descent with momentum that chooses the length of
 * its steps itself. With d the steepest direction (the sign for ℓ∞, g/‖g‖₂ for
 * ℓ2) and P the projection,
 *
 *   z⁽ᵏ⁺¹⁾ = P(x⁽ᵏ⁾ − η d(∇f(x⁽ᵏ⁾)))
 *   x⁽ᵏ⁺¹⁾ = P(x⁽ᵏ⁾ + α (z⁽ᵏ⁺¹⁾ − x⁽ᵏ⁾) + (1 − α) (x⁽ᵏ⁾ − x⁽ᵏ⁻¹⁾)),  α = 0.75.
 *
 * At each of a few checkpoints, η is halved and the search goes on from its best
 * point if fewer than 75 % of the steps since the last one lowered the loss, or
 * if η was kept there and the lowest loss is still the same.
 *
 * Each example has its own η. Of several terms, each one's step is measured by
 * its own bound: η is 2ε of each to begin with, and all are halved together.
 *
 * Source: Croce & Hein 2020, algorithm 1.
 *
 * @param learningRate η of the first step. Default 2ε of each term.
 */
export function apgd(learningRate?: number): AttackOptimizer {
  return {
    init: parameters => {
      if (parameters.length === 0) return [];
      const n = parameters[0].shape[0];
      const numbers = [
        Infinity, // the lowest loss
        // Nothing is below it: the first iterate is not an improvement.
        -Infinity, // the loss of the iterate before
        Infinity, // the lowest loss at the last checkpoint
        0, // how many steps since then lowered the loss
        1, // η as a share of the first one
        0, // 1 if η was halved at the last checkpoint
      ];
      return [
        ...numbers.map(x => tf.fill([n], x)),
        ...parameters.map(p => tf.clone(p)), // the iterate before
        ...parameters.map(p => tf.clone(p)), // the best iterate
        ...parameters.map(p => tf.zerosLike(p)), // the gradient there
      ];
    },

    update: ({parameters, gradients, losses, state, ...args}) => {
      const {steps, bounds, norms, project} = args;
      const n = losses.shape[0];
      const m = parameters.length;
      const part = (i: number) =>
        state.slice(SCALARS + i * m, SCALARS + (i + 1) * m);
      const [lowestBefore, lossBefore, lowestThen, count, share, halvedThen] =
        state;

      const improved = tf.less(losses, lowestBefore);
      const lowest = tf.where(improved, losses, lowestBefore);
      const best = choose(improved, parameters, part(1));
      const bestGradients = choose(improved, gradients, part(2));
      const lowered = tf.cast(tf.less(losses, lossBefore), 'float32');
      const progress = tf.add(count, lowered);

      const {checkpoint, needed, first, alpha} = schedule(args.step, n, steps);
      const kept = tf.logicalAnd(
        tf.less(halvedThen, 0.5),
        tf.equal(lowest, lowestThen),
      );
      const stalled = tf.logicalAnd(
        checkpoint,
        tf.logicalOr(tf.less(progress, needed), kept),
      );
      const recorded = tf.logicalOr(checkpoint, first);
      const eta = tf.where(stalled, tf.mul(share, 0.5), share);

      const from = choose(stalled, best, parameters);
      const slope = choose(stalled, bestGradients, gradients);
      const before = part(0);
      const z = project(
        from.map((x, i) => {
          const length = tf.mul(eta, learningRate ?? 2 * bounds[i]);
          const direction = steepest(slope[i], norms[i]);
          return tf.sub(x, tf.mul(direction, perExample(length, x)));
        }),
      );
      const moved = from.map((x, i) => {
        const a = perExample(alpha, x);
        const step = tf.mul(tf.sub(z[i], x), a);
        const momentum = tf.mul(tf.sub(x, before[i]), tf.sub(1, a));
        return tf.add(x, tf.add(step, momentum));
      });
      return {
        parameters: moved,
        state: [
          lowest,
          tf.where(stalled, lowest, losses),
          tf.where(recorded, lowest, lowestThen),
          tf.where(recorded, tf.zerosLike(progress), progress),
          eta,
          tf.where(checkpoint, tf.cast(stalled, 'float32'), halvedThen),
          ...from.map(x => tf.clone(x)),
          ...best,
          ...bestGradients,
        ],
      };
    },
  };
}

/** What the schedule says of each example's iterate, before update `step`. */
function schedule(step: number | number[], n: number, steps: number) {
  const own = typeof step === 'number' ? new Array<number>(n).fill(step) : step;
  const all = checkpoints(steps);
  const each = own.map(s => iterateAt(all, s - 1));
  const flags = (of: boolean[]) => tf.tensor1d(of, 'bool');
  return {
    checkpoint: flags(each.map(({checkpoint}) => checkpoint)),
    needed: tf.tensor1d(each.map(({needed}) => needed)),
    first: flags(own.map(s => s === 1)),
    // No iterate comes before the first.
    alpha: tf.tensor1d(own.map(s => (s === 1 ? 1 : ALPHA))),
  };
}

/** For each example, the entries of `a` where the condition [N] holds, and else those of `b`. */
function choose(
  condition: tf.Tensor,
  a: tf.Tensor[],
  b: tf.Tensor[],
): tf.Tensor[] {
  return a.map((x, i) => {
    const each = perExample(condition, x) as tf.Tensor;
    return tf.where(tf.broadcastTo(each, x.shape), x, b[i]);
  });
}
