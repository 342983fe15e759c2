import * as tf from '@tensorflow/tfjs';
import type {Attack} from '../attacks/attack.js';
import type {Classifier} from '../models/logits.js';
import {breathe} from './event_loop.js';
import {attackContinuously} from './continuous_batching.js';
import {exampleBatches, type Examples} from './examples.js';

/** What has become of an example under an attack. */
export interface FinishedExample {
  /** Its place in the data. */
  index: number;
  /** As {@link Perturbed.margin}: not below 0 where the example withstood the attack. */
  margin: number;
  /** The perturbed image, if it was wanted. */
  adversarial?: Float32Array;
}

export interface CellArgs {
  batchSize: number;
  /** Called once for each example, not always in their order. */
  onFinished(example: FinishedExample): void;
  /** Of which examples the perturbed image is wanted. */
  wanted?(index: number): boolean;
  /** Stops after the present batch or step. */
  signal?: AbortSignal;
}

/** Attacks all of the examples, in whatever way is the fastest for this attack's options. */
export async function attackExamples(
  attack: Attack,
  classifier: Classifier,
  data: Examples,
  args: CellArgs,
): Promise<void> {
  const {threatModel, options} = attack;
  const searches = threatModel.bounds().length > 0 && options.steps > 0;
  return options.earlyStop && searches
    ? attackContinuously(attack, classifier, data, args)
    : attackInBatches(attack, classifier, data, args);
}

/** Batch after batch. */
export async function attackInBatches(
  attack: Attack,
  classifier: Classifier,
  data: Examples,
  {batchSize, onFinished, wanted, signal}: CellArgs,
): Promise<void> {
  let index = 0;
  for await (const {xs, ys} of exampleBatches(data, batchSize)) {
    try {
      tf.tidy(() => {
        const result = attack.perturb(classifier, xs, ys);
        const images = wanted && result.adversarial.dataSync();
        const size = xs.size / xs.shape[0];
        result.margin.dataSync().forEach((margin, i) => {
          const adversarial = wanted?.(index)
            ? (images!.slice(i * size, (i + 1) * size) as Float32Array)
            : undefined;
          onFinished({index: index++, margin, adversarial});
        });
      });
    } finally {
      tf.dispose([xs, ys]);
    }
    await breathe();
    if (signal?.aborted) return;
  }
}
