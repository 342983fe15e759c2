import * as tf from '@tensorflow/tfjs';
import {Finished} from './finished_examples.js';
import {
  advance,
  type Batch,
  begin,
  combineBatches,
  conclude,
  disposeReplaced,
  type StepArgs,
} from './pgd_step.js';
import {keepRows} from '../ops/rows.js';

export interface PgdArgs extends StepArgs {
  images: tf.Tensor4D;
  /** One-hot, [N, classes]. */
  labels: tf.Tensor2D;
  /** Where to start; new tensors. */
  start: () => tf.Tensor[];
  /** See {@link BeginArgs.seeds}. */
  seeds?: number[];
  earlyStop: boolean;
  history: boolean;
}

export interface PgdResult {
  adversarial: tf.Tensor4D;
  /** Negative where the attack succeeded: see {@link margin}; negated if targeted. */
  margin: tf.Tensor1D;
  /** Sizes of the last perturbation, by term. */
  sizes: Record<string, tf.Tensor1D>;
  history?: {margin: tf.Tensor2D; smoothness: tf.Tensor2D};
}

/**
 * Projected gradient descent: minimize, over the parameters of a threat model,
 * the sum over examples of loss + weight · smoothness, projecting before each
 * forward pass.
 *
 * Source: Madry et al. 2018; objective and order of steps as in Laidlaw & Feizi
 * 2019, section 4.
 */
export function pgd(args: PgdArgs): PgdResult {
  const finished = new Finished(args);
  try {
    return tf.tidy(() => {
      run(args, finished);
      return finished.result() as unknown as tf.TensorContainerObject;
    }) as unknown as PgdResult;
  } finally {
    finished.dispose();
  }
}

function run(args: PgdArgs, finished: Finished): void {
  const {images, labels, start, seeds} = args;
  // Where it started need not be kept through the search.
  let batch = tf.tidy(
    () =>
      begin(args, images, labels, start(), {
        seeds,
      }) as unknown as tf.TensorContainer,
  ) as unknown as Batch;
  for (let step = 1; step <= args.steps; step++) {
    const next = tf.tidy(() => {
      // Only what is read after the whole step is recorded lets a lazy backend
      // run it in one piece.
      const {batch: moved, outcome} = advance(args, batch, step);
      finished.record(step, outcome);
      const left = args.earlyStop ? finished.takeOut(batch, outcome) : null;
      return (left
        ? combineBatches([moved], ([t]) => keepRows(t, left))
        : moved) as unknown as tf.TensorContainer;
    }) as unknown as Batch;
    disposeReplaced(batch, next);
    batch = next;
    if (batch.images.shape[0] === 0) {
      finished.repeatRecord(step);
      return;
    }
  }
  tf.tidy(() => {
    const {batch: last, outcome} = conclude(args, batch);
    finished.takeAll(batch, {...outcome, ...last.best});
  });
}
