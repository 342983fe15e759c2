import type * as tf from '@tensorflow/tfjs';
import {
  asSummaryWriter,
  type SummaryWriter,
} from '../tensorboard/summary_writer.js';
import {unfailing} from '../tensorboard/unfailing.js';
import {FitCallback} from './fit_callback.js';

/** Options of {@link tensorBoard}. */
export interface TensorBoardArgs {
  /**
   * `epoch`: losses and metrics are written after each epoch (default).
   * `batch`: after each batch too; reading them then costs a wait for the
   * device at each batch.
   */
  updateFreq?: 'batch' | 'epoch';
  /** Every how many epochs the weights' histograms are written; 0: never (default). */
  histogramFreq?: number;
  /**
   * For a run that goes on where it was stopped: the batches it has had so far,
   * after which they are counted on. Given, even as 0, TensorBoard forgets what
   * an earlier run wrote to the directory beyond this place.
   */
  initialBatch?: number;
}

/** See `tensorBoard`. */
export class TensorBoardCallback extends FitCallback {
  private readonly histogramFreq: number;
  private series?: Series;
  private batches: number;
  private readonly attempt = unfailing("TensorBoard's log");

  constructor(
    private readonly target: string | SummaryWriter,
    private readonly args: TensorBoardArgs = {},
  ) {
    const {updateFreq = 'epoch', histogramFreq = 0, initialBatch = 0} = args;
    // Without a batch hook the logs stay on the device until the epoch's end.
    const perBatch = updateFreq === 'batch';
    super('tensorBoard', {
      onTrainBegin: () => this.begin(),
      onBatchEnd: perBatch
        ? (_, logs) => this.log('batch/', logs, ++this.batches)
        : undefined,
      onEpochEnd: (epoch, logs) => this.endEpoch(epoch + 1, logs),
      onTrainEnd: () => this.attempt(() => this.series?.end()),
    });
    if (updateFreq !== 'batch' && updateFreq !== 'epoch') {
      throw new Error(
        `updateFreq must be 'batch' or 'epoch', not ${JSON.stringify(updateFreq)}.`,
      );
    }
    if (!Number.isInteger(histogramFreq) || histogramFreq < 0) {
      throw new Error(
        `histogramFreq must be a whole number of epochs from 0, not ${histogramFreq}.`,
      );
    }
    checkInitialBatch(initialBatch);
    if (typeof target !== 'string') asSummaryWriter(target);
    this.histogramFreq = histogramFreq;
    this.batches = initialBatch;
  }

  private async begin() {
    this.series =
      typeof this.target === 'string'
        ? await directories(this.target, this.purgeSteps())
        : tags(asSummaryWriter(this.target));
  }

  /** From which steps on, in the two series, the directory may hold what is void. */
  private purgeSteps(): {train?: number; val?: number} {
    if (this.args.initialBatch === undefined) return {};
    const epoch = Number(this.params?.initialEpoch ?? 0) + 1;
    const batch = this.batches + 1;
    return {
      train: this.args.updateFreq === 'batch' ? batch : epoch,
      val: epoch,
    };
  }

  private log(prefix: string, logs: tf.Logs = {}, step: number) {
    this.attempt(() => this.write(prefix, logs, step));
  }

  private write(prefix: string, logs: tf.Logs, step: number) {
    for (const [key, value] of Object.entries(logs)) {
      if (['batch', 'size', 'num_steps'].includes(key)) continue;
      if (key.startsWith('val_')) {
        this.series?.scalar('val', prefix + key.slice(4), value, step);
      } else {
        this.series?.scalar('train', prefix + key, value, step);
      }
    }
  }

  private async endEpoch(epoch: number, logs?: tf.Logs) {
    this.log('epoch/', logs, epoch);
    if (this.histogramFreq > 0 && epoch % this.histogramFreq === 0) {
      for (const weight of this.model?.weights ?? []) {
        const values = (await weight.read().data()) as Float32Array;
        this.attempt(() => this.series?.histogram(weight.name, values, epoch));
      }
    }
    this.attempt(() => this.series?.flush());
  }
}

/** @throws one sentence if it is no number of batches. */
function checkInitialBatch(initialBatch: number): void {
  if (!Number.isSafeInteger(initialBatch) || initialBatch < 0) {
    throw new Error(
      `initialBatch must be a whole number of batches from 0, not ${initialBatch}.`,
    );
  }
}

/** The training and the validation series, wherever they are written. */
interface Series {
  scalar(run: 'train' | 'val', name: string, value: number, step: number): void;
  histogram(name: string, data: Float32Array, step: number): void;
  flush(): void;
  end(): void;
}

/** A run each, `logDir/train` and `logDir/val`: TensorBoard overlays the curves. */
async function directories(
  logDir: string,
  purgeStep: {train?: number; val?: number},
): Promise<Series> {
  const {eventFileWriter} = await import('../tensorboard/event_file.js');
  // Bundles for browsers have an empty module in its place; see package.json.
  if (eventFileWriter == null) {
    throw new Error(
      'tensorBoard(logDir) writes files, which needs Node.js; pass a summary writer of your own in a browser.',
    );
  }
  const open = (run: 'train' | 'val') =>
    eventFileWriter(`${logDir}/${run}`, {purgeStep: purgeStep[run]});
  const train = open('train');
  let val: SummaryWriter | undefined;
  return {
    scalar(run, name, value, step) {
      const writer = run === 'train' ? train : (val ??= open('val'));
      writer.scalar(name, value, step);
    },
    histogram: (name, data, step) => train.histogram(name, data, step),
    flush() {
      train.flush();
      val?.flush();
    },
    end() {
      train.close();
      val?.close?.();
    },
  };
}

/** One run with tags `train/…` and `val/…`. */
function tags(writer: SummaryWriter): Series {
  return {
    scalar: (run, name, value, step) =>
      writer.scalar(`${run}/${name}`, value, step),
    histogram: (name, data, step) => writer.histogram(name, data, step),
    flush: () => writer.flush(),
    // The owner of the writer may have more to write.
    end: () => writer.flush(),
  };
}

/**
 * Writes losses and metrics for TensorBoard during `fit` or `fitDataset`, on
 * every backend.
 *
 * ```ts
 * await model.fit(x, y, {epochs: 3, callbacks: tensorBoard('runs/today')});
 * // then: tensorboard --logdir runs
 * ```
 *
 * As tfjs-node's `tf.node.tensorBoard` does, it writes each number of the logs
 * against the epoch and, with `updateFreq: 'batch'`, against the batches this
 * callback has seen, both counted from 1, and what comes from the validation
 * data in a series of its own, `val`, without its prefix. Names are
 * `epoch/loss`, `batch/loss`, since TensorBoard makes a section of what stands
 * before the first slash.
 *
 * @param logDirOrWriter A directory, in which the series are the runs `train`
 *   and `val`, whose curves TensorBoard overlays (Node.js only); or a writer,
 *   in which they are prefixes: `train/epoch/loss`, `val/epoch/loss`. It is
 *   flushed after each epoch and not closed.
 * @throws An `Error` for bad arguments, and from `fit`, before the first
 *   batch, where the directory can't be written. Where it can't be written later
 *   on, a line says so and training goes on.
 */
export function tensorBoard(
  logDirOrWriter: string | SummaryWriter = './logs',
  args?: TensorBoardArgs,
): TensorBoardCallback {
  return new TensorBoardCallback(logDirOrWriter, args);
}
