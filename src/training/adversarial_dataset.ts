import * as tf from '@tensorflow/tfjs';
import {parseSpec} from '../attacks/threat_models/spec.js';
import type {AttackOptions} from '../attacks/options.js';
import type {ThreatModel} from '../attacks/threat_models/threat_model.js';
import type {DatasetBatch} from '../data/dataset_batch.js';
import type {Classifier} from '../models/logits.js';
import {tidy} from '../ops/tidy.js';
import {checkMix} from './adversarial_training_args.js';
import {fastAdversary, pgdAdversary} from './adversary.js';
import {type Crafting, resolveCrafting} from './fast_args.js';

/** Options of {@link adversarialDataset}: an attack and how it searches. */
export interface AdversarialDatasetArgs extends AttackOptions {
  /** A spec such as `C+S+D`, or a threat model; see {@link attack}. */
  attack: string | ThreatModel;
  /** As for {@link adversarialTraining}: by PGD (default), or by one step. */
  crafting?: Crafting;
  /** Attack steps for each batch. Default 10; 1 for `crafting: 'fast'`. */
  steps?: number;
  /**
   * Default for `adam`: 0.1/steps, so that few steps reach as far as the 100 of
   * 0.001 of an evaluation.
   */
  learningRate?: number;
  /**
   * `adversarial` (default), `both`, or the share of each batch that is attacked:
   * see {@link adversarialTraining}.
   */
  mix?: 'adversarial' | 'both' | number;
}

/**
 * A dataset whose batches are adversarial versions of another's: a tf.data
 * transform, for use with `fitDataset` or to look at examples.
 *
 * ```js
 * const robust = adversarialDataset(batches, model, {attack: 'C+D'});
 * await model.fitDataset(robust, {epochs: 5});
 * ```
 *
 * It is lazy: each batch is crafted when it is asked for, against the weights
 * that the model then has. Put `shuffle`, `batch` and augmentation before it;
 * every `prefetch(n)` after it makes examples up to n − 1 steps older than the
 * weights.
 *
 * With a `seed`, noise of `crafting: 'fast'` follows from it and from the count
 * of the model's updates, or, of a model that is not compiled, of the batches.
 *
 * @param dataset Gives `{xs, ys}`: images [N, H, W, C] in [0, 1], and class
 *     indices [N] or one-hot labels [N, classes].
 * @throws Error if an option is not allowed; from the iterator, if a batch has
 *     another form.
 */
export function adversarialDataset(
  dataset: tf.data.Dataset<tf.TensorContainer>,
  model: Classifier,
  {attack, crafting, mix = 'adversarial', ...options}: AdversarialDatasetArgs,
): tf.data.Dataset<tf.TensorContainer> {
  checkMix('adversarialDataset', mix);
  const fast = resolveCrafting(crafting);
  const threatModel =
    typeof attack === 'string' ? parseSpec(attack, options.variant) : attack;
  const {craft} = fast
    ? fastAdversary(threatModel, options, fast)
    : pgdAdversary(threatModel, options);
  let batches = 0;
  const step = () => {
    const {optimizer} = model as Partial<tf.LayersModel>;
    // PGD draws by image and seed alone.
    return fast ? (optimizer?.iterations ?? batches++) : 0;
  };
  // The iterator disposes of what goes in and is not passed on.
  return dataset.map(batch => {
    const {xs, ys} = (batch ?? {}) as unknown as DatasetBatch;
    if (!(xs instanceof tf.Tensor && ys instanceof tf.Tensor)) {
      tf.dispose(batch);
      throw new Error(
        'adversarialDataset needs batches of the form {xs: images, ys: labels}, both tensors.',
      );
    }
    const attacked = () => {
      const size = xs.shape[0];
      const count =
        typeof mix === 'number' ? Math.max(1, Math.round(mix * size)) : size;
      const [images, labels] = [xs, ys].map(t =>
        count < size ? tf.slice(t, 0, count) : t,
      ) as [tf.Tensor4D, tf.Tensor];
      const {adversarial} = craft(model, images, labels, step());
      if (mix === 'both') {
        return {xs: tf.concat([xs, adversarial]), ys: tf.concat([ys, ys])};
      }
      if (count === size) return {xs: adversarial, ys};
      return {xs: tf.concat([adversarial, tf.slice(xs, count)]), ys};
    };
    try {
      return tidy(attacked);
    } catch (error) {
      tf.dispose(batch);
      throw error;
    }
  });
}
