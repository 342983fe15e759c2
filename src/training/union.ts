import * as tf from '@tensorflow/tfjs';
import {tidy} from '../ops/tidy.js';
import type {Crafted, Judged} from './adversary.js';

/** For each example, what the most successful of several attacks made of it. */
export interface Worst extends Judged {
  /** Which attack that is, counted from 0, int32 [N]. */
  chosen: tf.Tensor1D;
}

/**
 * Of several attacks on the same batch, for each example the one with the
 * smallest margin; of equals, the first. Sizes of terms that the chosen attack
 * does not have are 0.
 */
export function worstOf(each: Judged[]): Worst {
  return tidy(() => {
    const margins = tf.stack(each.map(({margin}) => margin));
    const chosen = tf.argMin(margins, 0) as tf.Tensor1D;
    const isChosen = each.map((_, k) => tf.equal(chosen, k));
    const pick = <T extends tf.Tensor>(values: Array<T | undefined>): T => {
      const first = values.find(v => v !== undefined)!;
      const shape = [first.shape[0], ...new Array(first.rank - 1).fill(1)];
      return values.reduce<T>(
        (sum, value, k) =>
          value
            ? tf.where(
                tf.broadcastTo(tf.reshape(isChosen[k], shape), value.shape),
                value,
                sum,
              )
            : sum,
        tf.zerosLike(first),
      ) as T;
    };
    const known = each.every(p => p.logits);
    return {
      adversarial: pick(each.map(p => p.adversarial)),
      margin: pick(each.map(p => p.margin)),
      // Chosen by number: backends have no choice between booleans.
      success: tf.cast(
        pick(each.map(p => tf.cast(p.success, 'float32') as tf.Tensor1D)),
        'bool',
      ),
      ...(known && {logits: pick(each.map(p => p.logits))}),
      sizes: mapTerms(each, term => pick(each.map(p => p.sizes[term]))),
      chosen,
    };
  });
}

/** All of them one after the other: [attacks · N, …]; of sizes, those of the attacks that have the term. */
export function stackOf(each: Crafted[]): Crafted {
  const join = <T extends tf.Tensor>(of: (p: Crafted) => T | undefined) => {
    const parts = each.map(of).filter(t => t !== undefined);
    return parts.length === each.length ? (tf.concat(parts) as T) : undefined;
  };
  return tidy(() => ({
    adversarial: join(p => p.adversarial)!,
    margin: join(p => p.margin),
    success: join(p => p.success),
    logits: join(p => p.logits),
    sizes: mapTerms(each, term =>
      tf.concat(each.filter(p => p.sizes[term]).map(p => p.sizes[term])),
    ),
  }));
}

function mapTerms(
  each: Crafted[],
  value: (term: string) => tf.Tensor1D,
): Record<string, tf.Tensor1D> {
  const terms = new Set(each.flatMap(({sizes}) => Object.keys(sizes)));
  return Object.fromEntries([...terms].map(term => [term, value(term)]));
}
