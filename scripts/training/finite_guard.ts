import * as tf from '@tensorflow/tfjs';
import {optimizerState, rewindOptimizer} from './optimizer.js';

/** What to do when a loss or a weight is not finite. */
export type OnNaN = 'stop' | 'skip';

/** More skipped batches in a row are no accident. */
const MOST_SKIPPED = 10;

interface State {
  weights: tf.Tensor[];
  iterations: number;
  tensors: Map<string, tf.Tensor>;
}

/**
 * Checks after each batch that its loss and all weights are finite. Otherwise
 * it ends the training before anything is saved, or undoes the batch: weights
 * and optimizer are put back to where they were before it.
 *
 * It must be the first of the callbacks, so that none of them sees the weights
 * of such a batch.
 */
export class FiniteGuard extends tf.CustomCallback {
  /** Why training had to end. */
  failure?: Error;
  /** Whether the present batch was undone: its logs do not count. */
  skipped = false;
  /** Batches of the present epoch that were undone. */
  skippedInEpoch = 0;
  private inARow = 0;
  private before?: State;

  /** @param place names a batch of the present epoch in the error, by its index. */
  constructor(
    private readonly trained: tf.LayersModel,
    private readonly onNaN: OnNaN,
    private readonly place: (batch: number) => string,
  ) {
    super({
      onEpochBegin: async () => void (this.skippedInEpoch = 0),
      onBatchBegin: () => this.remember(),
      onBatchEnd: (batch, logs = {}) => this.check(batch, logs),
      onTrainEnd: async () => this.forget(),
    });
  }

  private async remember(): Promise<void> {
    if (this.onNaN === 'stop') return;
    this.forget();
    const {iterations, tensors} = await optimizerState(this.trained.optimizer);
    this.before = {
      // Clones share the numbers: updates replace them and leave these.
      weights: this.trained.weights.map(w => w.read().clone()),
      iterations,
      tensors: new Map([...tensors].map(([name, t]) => [name, t.clone()])),
    };
  }

  private async check(batch: number, logs: tf.Logs): Promise<void> {
    const loss = Number(logs.loss);
    const reason = !Number.isFinite(loss)
      ? `the loss is ${loss}`
      : (await this.finiteWeights())
        ? undefined
        : 'its update made weights that are not finite';
    // The attack's callback has taken such a batch back itself.
    const takenBack = logs.skipped === 1;
    this.skipped = reason !== undefined || takenBack;
    this.inARow = this.skipped ? this.inARow + 1 : 0;
    if (takenBack && this.inARow <= MOST_SKIPPED) this.skippedInEpoch++;
    if (reason === undefined && this.inARow <= MOST_SKIPPED) return;
    const what = `In ${this.place(batch)} ${reason ?? 'a number is not finite'}`;
    if (this.before && this.inARow <= MOST_SKIPPED) {
      this.skippedInEpoch++;
      console.error(`\n${what}: this batch is skipped.`);
      await this.goBack(this.before);
      return;
    }
    const tried =
      this.onNaN === 'skip' ? `, as in the ${MOST_SKIPPED} batches before` : '';
    this.failure = new Error(`${what}${tried}: training was stopped`);
    this.trained.stopTraining = true;
  }

  /** x · 0 is NaN unless x is finite. */
  private async finiteWeights(): Promise<boolean> {
    const sum = tf.tidy(() =>
      tf.addN(this.trained.weights.map(w => tf.sum(tf.mul(w.read(), 0)))),
    );
    const [value] = await sum.data();
    sum.dispose();
    return value === 0;
  }

  private async goBack(state: State): Promise<void> {
    this.trained.weights.forEach((w, i) => w.write(state.weights[i]));
    await rewindOptimizer(this.trained.optimizer, state);
  }

  private forget(): void {
    if (this.before) {
      tf.dispose([this.before.weights, ...this.before.tensors.values()]);
    }
    this.before = undefined;
  }
}
