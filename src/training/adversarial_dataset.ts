import * as tf from '@tensorflow/tfjs';
import type {Classifier} from '../models/logits.js';
import {type AdversarialDatasetArgs, crafter} from './adversarial_map.js';

/**
 * A dataset whose batches are adversarial versions of another's: a tf.data
 * transform, for use with `fitDataset` or to look at examples.
 *
 * ```js
 * const robust = adversarialDataset(batches, model, {attack: 'C+D'});
 * await model.fitDataset(robust, {epochs: 5});
 * ```
 *
 * The same as `batches.mapAsync(adversarialMap(model, {attack: 'C+D'}))`, of
 * which {@link adversarialMap} says more.
 *
 * @param dataset Gives `{xs, ys}` or `[xs, ys]`: images [N, H, W, C] in [0, 1],
 *     and class indices [N] or one-hot labels [N, classes].
 * @throws Error if an option is not allowed; from the iterator, if a batch has
 *     another form.
 */
export function adversarialDataset(
  dataset: tf.data.Dataset<tf.TensorContainer>,
  model: Classifier,
  args: AdversarialDatasetArgs,
): tf.data.Dataset<tf.TensorContainer> {
  const craft = crafter('adversarialDataset', model, args);
  return dataset.mapAsync(async batch => {
    try {
      return await craft(batch);
    } catch (error) {
      // The iterator disposes of what was passed on, not of what was refused.
      tf.dispose(batch);
      throw error;
    }
  });
}
