import * as tf from '@tensorflow/tfjs';
import {inTerminal, openDisplay} from '../progress/display.js';
import {
  checkProgress,
  type Display,
  type ProgressOption,
} from '../progress/report.js';
import {Task} from '../progress/task.js';
import {FitCallback} from './fit_callback.js';

/** What tfjs tells callbacks about a fit; one object for all callbacks of it. */
interface FitParams {
  epochs?: number;
  initialEpoch?: number;
  samples?: number | null;
  batchSize?: number | null;
  steps?: number | null;
  verbose?: number;
}

/** Fits whose progress somebody has asked for: no other callback shows it too. */
const asked = new WeakSet<object>();

/** See `fitProgress`. */
export class FitProgress extends FitCallback {
  private display?: Display;
  private task?: Task;
  private done = 0;
  private epoch = 0;
  /** Batches of an epoch: as tfjs says, or as the first epoch had. */
  private perEpoch?: number;

  /** @param option Undefined: shown in a terminal where nothing else shows it. */
  constructor(private readonly option?: ProgressOption) {
    super('fitProgress', {
      // With this hook, tfjs reads the logs from the device.
      onEpochEnd: (_, logs) => this.endEpoch(logs),
    });
    checkProgress('fitProgress', option);
  }

  /** @internal */
  override setParams(params: Parameters<tf.CustomCallback['setParams']>[0]) {
    super.setParams(params);
    if (this.option !== undefined) asked.add(params);
  }

  /** @internal */
  override async onTrainBegin(logs?: tf.Logs) {
    await super.onTrainBegin(logs);
    this.display?.stop();
    this.display = await openDisplay(this.option ?? this.isShownByDefault());
    const {samples, batchSize, steps} = this.fit;
    this.perEpoch =
      steps ??
      (samples && batchSize ? Math.ceil(samples / batchSize) : undefined);
    this.done = 0;
    this.task = undefined;
  }

  /** @internal */
  override async onEpochBegin(epoch: number, logs?: tf.Logs) {
    await super.onEpochBegin(epoch, logs);
    this.epoch = epoch;
    const name = `epoch ${epoch + 1}/${this.fit.epochs}`;
    if (this.task) this.task.rename(name, this.total);
    else this.task = new Task(this.display!, 'batches', name, this.total);
  }

  /** @internal */
  override async onBatchEnd(batch: number, logs?: tf.Logs) {
    await super.onBatchEnd(batch, logs);
    this.task?.update(++this.done);
  }

  /** @internal */
  override async onTrainEnd(logs?: tf.Logs) {
    await super.onTrainEnd(logs);
    this.display?.stop();
  }

  /** @internal Does work; if that throws, `fit` does, and no hook would be called. */
  during<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      this.display?.stop();
      throw error;
    }
  }

  private endEpoch(logs: tf.Logs = {}): void {
    const begun = this.epoch - Number(this.fit.initialEpoch ?? 0) + 1;
    this.perEpoch ??= this.done / begun;
    const shown = SHOWN.filter(key => typeof logs[key] === 'number');
    this.task?.finish(Object.fromEntries(shown.map(key => [key, logs[key]])));
  }

  private get fit(): FitParams {
    return (this.params ?? {}) as unknown as FitParams;
  }

  private get total(): number | undefined {
    const {epochs = 1, initialEpoch} = this.fit;
    const left = epochs - Number(initialEpoch ?? 0);
    return this.perEpoch === undefined ? undefined : this.perEpoch * left;
  }

  private isShownByDefault(): boolean {
    const quiet = this.fit.verbose === 0 || asked.has(this.params!);
    // tfjs-node has a bar of its own.
    return inTerminal() && !quiet && !tf.findBackendFactory('tensorflow');
  }
}

/** Of the logs, what one line has room for. */
const SHOWN = [
  'loss',
  'acc',
  'accuracy',
  'clean_acc',
  'adv_acc',
  'val_loss',
  'val_acc',
  'val_accuracy',
];

/**
 * Shows how far `fit` or `fitDataset` is, in Node, where tfjs itself is silent: a
 * bar with the time left on standard error, and for each epoch a line of losses
 * and metrics. Without a terminal, it is a line per 10 %; in a browser, nothing.
 *
 * ```js
 * await model.fit(x, y, {epochs: 3, callbacks: fitProgress()});
 * ```
 *
 * `adversarialTraining` has it as its option `progress`.
 *
 * @param progress False shows nothing; a function is told in its place.
 * @throws Error if it is nothing of these.
 */
export function fitProgress(progress: ProgressOption = true): FitProgress {
  return new FitProgress(progress);
}
