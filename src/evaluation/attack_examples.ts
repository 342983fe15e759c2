import * as tf from '@tensorflow/tfjs';
import type {Attack} from '../attacks/attack.js';
import type {Classifier} from '../models/logits.js';
import {attackContinuously} from './continuous_batching.js';
import type {Examples} from './examples.js';
import {type LoadedExamples, loadExamples} from './loaded_examples.js';
import {readEach} from './neighbor_differences.js';

/** What has become of an example under an attack. */
export interface FinishedExample {
  /** Its place in the data. */
  index: number;
  /** As {@link Perturbed.margin}: not below 0 where the example withstood the attack. */
  margin: number;
  /** The perturbed image, if it was wanted. */
  adversarial?: Float32Array;
  /** See {@link Perturbed.neighborDifferences}. */
  neighborDifferences?: Record<string, number>;
  /** See {@link Perturbed.sizes}. */
  sizes?: Record<string, number>;
}

/** Options of {@link attackExamples}. */
export interface AttackExamplesArgs {
  /** Examples that are attacked together. */
  batchSize: number;
  /** Called once for each example, not always in their order. */
  onFinished(example: FinishedExample): void;
  /** Of which examples the perturbed image is wanted. */
  wanted?(index: number): boolean;
  /** Called if gradients were not finite, with the number of examples concerned. */
  onNonFinite?(examples: number): void;
  /** Stops after the present batch or step. */
  signal?: AbortSignal;
}

/**
 * Attacks all of the examples, in whatever way is the fastest for this attack's
 * options. A randomized classifier is attacked in batches, since the result of
 * each search is then judged by fresh passes.
 */
export async function attackExamples(
  attack: Attack,
  classifier: Classifier,
  data: Examples | LoadedExamples,
  args: AttackExamplesArgs,
): Promise<void> {
  const {threatModel, options} = attack;
  const loaded = await loadExamples(data, classifier);
  const searches = threatModel.bounds().length > 0 && options.steps > 0;
  return options.earlyStop && searches && !loaded.randomized
    ? attackContinuously(attack, classifier, loaded, args)
    : attackInBatches(attack, classifier, loaded, args);
}

/** Batch after batch. */
export async function attackInBatches(
  attack: Attack,
  classifier: Classifier,
  data: Examples | LoadedExamples,
  {batchSize, onFinished, wanted, onNonFinite, signal}: AttackExamplesArgs,
): Promise<void> {
  const loaded = await loadExamples(data, classifier);
  for (let begin = 0; begin < loaded.size; begin += batchSize) {
    const end = Math.min(begin + batchSize, loaded.size);
    const xs = loaded.tensor(begin, end);
    const ys = tf.tensor1d(loaded.labels.slice(begin, end), 'int32');
    try {
      const args = {
        signal,
        neighborDifferences: true,
        ...(onNonFinite && {onNonFinite}),
      };
      const result = await attack.perturbAsync(classifier, xs, ys, args);
      try {
        const margins = await result.margin.data();
        const differences = await readEach(result.neighborDifferences!);
        const sizes = await readEach(result.sizes);
        const images = wanted && (await result.adversarial.data());
        const size = xs.size / xs.shape[0];
        margins.forEach((margin: number, i: number) => {
          const index = begin + i;
          const adversarial = wanted?.(index)
            ? (images!.slice(i * size, (i + 1) * size) as Float32Array)
            : undefined;
          onFinished({
            index,
            margin,
            adversarial,
            neighborDifferences: differences(i),
            sizes: sizes(i),
          });
        });
      } finally {
        tf.dispose(result as unknown as tf.TensorContainer);
      }
    } catch (error) {
      // Stopped in the middle of a search.
      if (signal?.aborted) return;
      throw error;
    } finally {
      tf.dispose([xs, ys]);
    }
    if (signal?.aborted) return;
  }
}
