import * as tf from '@tensorflow/tfjs';
import {FitCallback} from './fit_callback.js';

/** Options of {@link weightAverage}. */
export interface WeightAverageArgs {
  /**
   * How much of the average each update keeps, at most; the first updates keep
   * less: (1 + n) / (10 + n) after n. From 0 to below 1. Default 0.999.
   */
  decay?: number;
  /** What an earlier run's `state()` gave, to go on with; it stays the caller's. */
  initial?: WeightAverageState;
}

/** A running average: one tensor for each of the model's weights, in their order. */
export interface WeightAverageState {
  /** The averages. */
  weights: tf.Tensor[];
  /** How many updates went into them. */
  updates: number;
}

/** @see weightAverage */
export class WeightAverage extends FitCallback {
  private readonly decay: number;
  private readonly initial?: WeightAverageState;
  private batchesPerEpoch: number | null = null;
  /** The average; while the model has that, the weights it is trained with. */
  private others: tf.Variable[] = [];
  private inModel = false;
  private updates = 0;

  constructor({decay = 0.999, initial}: WeightAverageArgs = {}) {
    super('weightAverage');
    if (!(decay >= 0 && decay < 1)) {
      throw new Error(
        `weightAverage: decay must be a number from 0 to below 1, but is ${decay}.`,
      );
    }
    this.decay = decay;
    this.initial = initial;
  }

  /** A copy of the average, to be disposed by the caller. */
  state(): WeightAverageState {
    return {
      weights: this.inModel ? this.copies() : this.others.map(v => v.clone()),
      updates: this.updates,
    };
  }

  /** A copy of the weights that training goes on from, to be disposed by the caller. */
  trainedWeights(): tf.Tensor[] {
    return this.inModel ? this.others.map(v => v.clone()) : this.copies();
  }

  /** @internal */
  override setParams(params: Parameters<tf.CustomCallback['setParams']>[0]) {
    super.setParams(params);
    const {steps, samples, batchSize} = params as Partial<
      Record<string, number | null>
    >;
    this.batchesPerEpoch =
      steps ?? (samples && batchSize ? Math.ceil(samples / batchSize) : null);
  }

  /** @internal */
  override async onTrainBegin(logs?: tf.Logs) {
    // What a fit that ended by an error has left.
    this.dispose();
    const start = this.initial?.weights ?? this.weights().map(w => w.read());
    checkShapes(start, this.weights());
    this.others = start.map(w => tf.tidy(() => tf.variable(w.clone(), false)));
    this.updates = this.initial?.updates ?? 0;
    await super.onTrainBegin(logs);
  }

  /** @internal */
  override async onEpochBegin(epoch: number, logs?: tf.Logs) {
    if (this.inModel) this.swap();
    await super.onEpochBegin(epoch, logs);
  }

  /** @internal */
  override async onBatchEnd(batch: number, logs?: tf.Logs) {
    const n = this.updates++;
    const rest = 1 - Math.min(this.decay, (1 + n) / (10 + n));
    tf.tidy(() => {
      const share = tf.scalar(rest);
      this.weights().forEach((weight, i) => {
        const average = this.others[i];
        const step = tf.mul(tf.sub(weight.read(), average), share);
        average.assign(tf.add(average, step));
      });
    });
    // Before fitDataset looks at its validation data.
    if (batch + 1 === this.batchesPerEpoch) this.swap();
    await super.onBatchEnd(batch, logs);
  }

  /** @internal */
  override async onEpochEnd(epoch: number, logs?: tf.Logs) {
    if (!this.inModel) this.swap();
    await super.onEpochEnd(epoch, logs);
  }

  /** @internal */
  override async onTrainEnd(logs?: tf.Logs) {
    if (!this.inModel) this.swap();
    await super.onTrainEnd(logs);
    this.dispose();
  }

  /** The model gets the other weights. */
  private swap(): void {
    tf.tidy(() => {
      this.weights().forEach((weight, i) => {
        const mine = weight.read().clone();
        weight.write(this.others[i]);
        this.others[i].assign(mine);
      });
    });
    this.inModel = !this.inModel;
  }

  private weights() {
    return this.model!.weights;
  }

  private copies(): tf.Tensor[] {
    return this.weights().map(w => w.read().clone());
  }

  private dispose(): void {
    tf.dispose(this.others);
    this.others = [];
    this.inModel = false;
  }
}

/**
 * Averages a model's weights while it is trained, exponentially over the
 * updates, which classifies better and more evenly than the last weights do, and
 * is the more robust of the two under adversarial training (Rebuffi et al. 2021,
 * "Fixing Data Augmentation to Improve Adversarial Robustness", section 3).
 *
 * ```js
 * callbacks: [weightAverage({decay: 0.999})]
 * ```
 *
 * Training itself is as without it. From the end of an epoch's last batch to the
 * beginning of the next epoch, and after the fit, the model holds the average:
 * callbacks that evaluate or save at an epoch's end, the `validationData` of
 * `fitDataset` and whoever uses the model afterwards get it. (`fit` looks at its
 * `validationData` before any callback could act, with the weights in training.)
 * Where the number of batches is not known beforehand, as with a `tf.data` set of
 * unknown size, that holds from this callback's `onEpochEnd` on.
 *
 * The moving means and variances of batch normalization are averaged along with
 * the weights they belong to.
 *
 * Memory: one copy of the weights.
 *
 * @throws Error if `decay` is out of its range; from `fit`, if `initial` does
 *     not fit the model.
 */
export function weightAverage(args: WeightAverageArgs = {}): WeightAverage {
  return new WeightAverage(args);
}

function checkShapes(
  given: tf.Tensor[],
  wanted: Array<{name: string; shape: tf.Shape}>,
): void {
  const fits =
    given.length === wanted.length &&
    given.every((w, i) => String(w.shape) === String(wanted[i].shape));
  if (!fits) {
    throw new Error(
      `weightAverage: initial must have the shapes of the model's ${wanted.length} weights, in their order.`,
    );
  }
}
