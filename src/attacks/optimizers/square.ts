import * as tf from '@tensorflow/tfjs';
import {randomStream} from '../../data/random.js';
import type {ThreatModel} from '../threat_models/threat_model.js';
import {perExample} from './direction.js';
import type {AttackOptimizer, UpdateArgs} from './optimizer.js';
import {drawBoxes, drawStripes, type Proposal} from './square_boxes.js';
import {squareShare} from './square_schedule.js';
import {squareTerms, type SquareTerm} from './square_terms.js';

/**
 * Square: a random search that needs no gradient. Each step draws a box and sets
 * the perturbation inside it to ±ε; the change is kept if it lowers the loss.
 * The boxes shrink over the search.
 *
 * A box is a square of pixels for D and S, where each channel or component of
 * the flow has its own sign, and a box of the color lattice for C, centered at
 * the color of a random pixel. A sequence changes one of its terms per step. For
 * an ℓ2 bound, a box has the norm ε and the whole is scaled back to it. The
 * first step sets D and S to vertical stripes, as in the paper.
 *
 * Source: Andriushchenko et al. 2020, algorithms 1 and 2.
 */
export function square(threatModel: ThreatModel): AttackOptimizer {
  const terms = squareTerms(threatModel);
  return {
    gradients: false,
    random: true,
    init: (parameters, seeds) => [
      tf.tensor1d(seeds),
      tf.fill([seeds.length], Infinity), // the lowest loss
      ...parameters.map(p => tf.clone(p)), // where it was found
    ],
    update: args => {
      const [seeds, lowestBefore, ...before] = args.state;
      const improved = tf.less(args.losses, lowestBefore);
      const lowest = tf.where(improved, args.losses, lowestBefore);
      const best = args.parameters.map((p, i) => {
        const each = perExample(improved, p) as tf.Tensor;
        return tf.where(tf.broadcastTo(each, p.shape), p, before[i]);
      });
      return {
        parameters: propose(terms, best, seeds, args),
        state: [seeds, lowest, ...best],
      };
    },
  };
}

/** The best parameters with each example's next change. */
function propose(
  terms: SquareTerm[],
  best: tf.Tensor[],
  seeds: tf.Tensor,
  {step, steps, bounds, norms, images}: UpdateArgs,
): tf.Tensor[] {
  const own = seeds.dataSync();
  const at = (i: number) => (typeof step === 'number' ? step : step[i]);
  const draws = Array.from(own, (seed, i) => {
    const random = randomStream(seed, at(i));
    const first = at(i) === 1;
    const term = Math.floor(random() * terms.length);
    return {
      random,
      first,
      /** The term to change; the first step sets all of them. */
      chosen: (k: number) => first || k === term,
      share: squareShare(at(i), steps),
    };
  });
  return terms.flatMap((term, k) => {
    const drawn = drawBoxes(draws, term, images);
    return term.parameters.map(p => {
      const shape = best[p].shape.slice(1);
      const boxes = drawn(shape, bounds[p], norms[p]);
      const stripes = drawStripes(draws, shape, bounds[p], norms[p]);
      const active = draws.map(({first, chosen}) =>
        chosen(k) && !(first && stripes) ? 1 : 0,
      );
      let next = change(best[p], boxes, active);
      if (stripes) {
        const starting = draws.map(({first}) => (first ? 1 : 0));
        next = change(next, stripes, starting);
      }
      return next;
    });
  });
}

/** base + mask · (values − base) where `active` is 1. */
function change(
  base: tf.Tensor,
  {mask, values}: Proposal,
  active: number[],
): tf.Tensor {
  const weight = tf.mul(mask, perExample(tf.tensor1d(active), base));
  return tf.add(base, tf.mul(tf.sub(values, base), weight));
}
