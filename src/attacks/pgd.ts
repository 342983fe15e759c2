import * as tf from '@tensorflow/tfjs';
import {pause, type Reading, runSync, settle} from '../ops/reading.js';
import {keepRows} from '../ops/rows.js';
import {dispose, tidy} from '../ops/tidy.js';
import type {Iterate} from './attack.js';
import {Finished, type StepSeen} from './finished_examples.js';
import type {Outcome} from './outcome.js';
import {
  advance,
  type Batch,
  batchTensors,
  begin,
  combineBatches,
  conclude,
  disposeReplaced,
  type StepArgs,
} from './pgd_step.js';

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
  /** Whether to measure {@link PgdResult.neighborDifferences}. */
  neighborDifferences?: boolean;
  /** Called after each step with the number of examples still searched. */
  onStep?(step: number, left: number): void;
  /** See {@link PerturbArgs.onIterate}; `examples` are indices of `images`. */
  onIterate?(iterate: Omit<Iterate, 'steps' | 'restart'>): void | Promise<void>;
}

export interface PgdResult {
  adversarial: tf.Tensor4D;
  /** Negative where the attack succeeded: see {@link margin}; negated if targeted. */
  margin: tf.Tensor1D;
  /** Sizes of the last perturbation, by term. */
  sizes: Record<string, tf.Tensor1D>;
  /** Of the last perturbation too, by term; empty unless asked for. */
  neighborDifferences: Record<string, tf.Tensor1D>;
  /** In how many steps a gradient had a NaN or ±Infinity in it, [N]. */
  faults: tf.Tensor1D;
  /** In how many steps it was not 0 everywhere, [N]. */
  slopes: tf.Tensor1D;
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
  return runSync(pgdSteps(args));
}

/** {@link pgd}, for functions that read synchronously or not; it can pause between steps. */
export function* pgdSteps(args: PgdArgs): Reading<PgdResult> {
  const finished = new Finished(args);
  const owned: Batch[] = [];
  try {
    yield* run(args, finished, owned);
    return tidy(() => finished.result());
  } finally {
    owned.forEach(batch => tf.dispose(batchTensors(batch)));
    finished.dispose();
  }
}

/** @param owned Batches to be disposed at the end, whatever happens. */
function* run(
  args: PgdArgs,
  finished: Finished,
  owned: Batch[],
): Reading<void> {
  const {images, labels, start, seeds, steps, earlyStop, onStep} = args;
  // Where it started need not be kept through the search.
  let batch = tidy(() => begin(args, images, labels, start(), {seeds}));
  owned[0] = batch;
  for (let step = 1; step <= steps; step++) {
    const {moved, seen} = tidy(() => stepOf(args, batch, step));
    owned[1] = moved;
    try {
      yield* finished.record(step, seen);
      yield* show(args, finished, step - 1, batch, seen);
      const left = earlyStop ? yield* finished.takeOut(batch, seen) : null;
      if (left) {
        const rest = tidy(() =>
          combineBatches([moved], ([t]) => keepRows(t, left)),
        );
        disposeReplaced(moved, rest);
        owned[1] = rest;
      }
    } finally {
      dispose(seen);
    }
    const next = owned[1];
    disposeReplaced(batch, next);
    batch = next;
    owned.splice(0, 2, batch);
    const remaining = batch.images.shape[0];
    onStep?.(step, remaining);
    if (remaining === 0) {
      finished.repeatRecord(step);
      return;
    }
    yield* pause();
  }
  const seen = tidy(() => {
    const {batch: last, outcome} = conclude(args, batch);
    finished.takeAll(batch, {...outcome, ...last.best});
    return args.onIterate ? outcome : null;
  });
  try {
    if (seen) yield* show(args, finished, steps, batch, seen);
  } finally {
    dispose(seen);
  }
}

/** Passes an iterate on to those who want to see it. */
function* show(
  {onIterate}: PgdArgs,
  {examples}: Finished,
  step: number,
  {parameters}: Batch,
  seen: StepSeen,
): Reading<void> {
  if (!onIterate) return;
  yield* settle(onIterate({step, examples, parameters, ...(seen as Outcome)}));
}

/** A step, and of what its forward pass showed as much as is read. */
function stepOf(args: PgdArgs, batch: Batch, step: number) {
  const {earlyStop, history, onIterate} = args;
  const {batch: moved, outcome} = advance(args, batch, step);
  const {adversarial, margin, smoothness} = outcome;
  // What is not kept, a lazy backend does not even store.
  const seen: StepSeen = {
    margin: earlyStop || history || onIterate ? margin : null,
    smoothness: history || onIterate ? smoothness : null,
    adversarial: earlyStop || onIterate ? adversarial : null,
  };
  return {moved, seen};
}
