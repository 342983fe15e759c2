import * as tf from '@tensorflow/tfjs';
import {succeeded} from '../attacks/losses.js';
import type {Perturbed} from '../attacks/attack.js';

/** For each example, what the most successful of several attacks made of it. */
export interface Worst extends Perturbed {
  /** Which attack that is, counted from 0, int32 [N]. */
  chosen: tf.Tensor1D;
}

/**
 * Of several attacks on the same batch, for each example the one with the
 * smallest margin; of equals, the first. Sizes of terms that the chosen attack
 * does not have are 0.
 */
export function worstOf(each: Perturbed[]): Worst {
  return tf.tidy(() => {
    const margins = tf.stack(each.map(({margin}) => margin));
    const chosen = tf.argMin(margins, 0) as tf.Tensor1D;
    const isChosen = each.map((_, k) => tf.equal(chosen, k));
    const pick = (values: Array<tf.Tensor | undefined>): tf.Tensor => {
      const first = values.find(v => v !== undefined)!;
      const shape = [first.shape[0], ...new Array(first.rank - 1).fill(1)];
      return values.reduce<tf.Tensor>(
        (sum, value, k) =>
          value
            ? tf.where(
                tf.broadcastTo(tf.reshape(isChosen[k], shape), value.shape),
                value,
                sum,
              )
            : sum,
        tf.zerosLike(first),
      );
    };
    const margin = pick(each.map(p => p.margin)) as tf.Tensor1D;
    return {
      adversarial: pick(each.map(p => p.adversarial)),
      margin,
      success: succeeded(margin),
      sizes: mapTerms(each, term => pick(each.map(p => p.sizes[term]))),
      chosen,
    } as unknown as tf.TensorContainerObject;
  }) as unknown as Worst;
}

/** All of them one after the other: [attacks · N, …]; of sizes, those of the attacks that have the term. */
export function stackOf(each: Perturbed[]): Perturbed {
  return tf.tidy(() => {
    const margin = tf.concat(each.map(p => p.margin));
    return {
      adversarial: tf.concat(each.map(p => p.adversarial)),
      margin,
      success: succeeded(margin),
      sizes: mapTerms(each, term =>
        tf.concat(
          each.filter(p => p.sizes[term]).map(p => p.sizes[term]) as never,
        ),
      ),
    } as unknown as tf.TensorContainerObject;
  }) as unknown as Perturbed;
}

function mapTerms(
  each: Perturbed[],
  value: (term: string) => tf.Tensor,
): Record<string, tf.Tensor> {
  const terms = new Set(each.flatMap(({sizes}) => Object.keys(sizes)));
  return Object.fromEntries([...terms].map(term => [term, value(term)]));
}
