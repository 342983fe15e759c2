import * as tf from '@tensorflow/tfjs';
import {attack as makeAttack} from '../attacks/attack.js';
import type {DatasetBatch} from '../data/dataset_batch.js';
import type {Classifier} from '../models/logits.js';
import type {AttackOptions} from '../attacks/options.js';
import {trainingOptions} from './training_options.js';
import type {ThreatModel} from '../attacks/threat_models/threat_model.js';

/** Options of {@link adversarialDataset}: an attack and how it searches. */
export interface AdversarialDatasetArgs extends AttackOptions {
  /** A spec such as `C+S+D`, or a threat model; see {@link attack}. */
  attack: string | ThreatModel;
  /** Attack steps for each batch. Default 10. */
  steps?: number;
  /**
   * Default for `adam`: 0.1/steps, so that few steps reach as far as the 100 of
   * 0.001 of an evaluation.
   */
  learningRate?: number;
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
 * @param dataset Gives `{xs, ys}`: images [N, H, W, C] in [0, 1], and class
 *     indices [N] or one-hot labels [N, classes].
 * @throws Error if an option is not allowed; from the iterator, if a batch has
 *     another form.
 */
export function adversarialDataset(
  dataset: tf.data.Dataset<tf.TensorContainer>,
  model: Classifier,
  {attack, ...options}: AdversarialDatasetArgs,
): tf.data.Dataset<tf.TensorContainer> {
  const {perturb} = makeAttack(attack, trainingOptions(options));
  // The iterator disposes of what goes in and is not passed on.
  return dataset.map(batch => {
    const {xs, ys} = (batch ?? {}) as unknown as DatasetBatch;
    if (!xs || !ys) {
      throw new Error(
        'adversarialDataset needs batches of the form {xs: images, ys: labels}.',
      );
    }
    return tf.tidy(() => ({xs: perturb(model, xs, ys).adversarial, ys}));
  });
}
