import * as tf from '@tensorflow/tfjs';
import type {
  AdversarialTraining,
  ImageSet,
  WeightAverage,
} from '../../src/index.js';
import {saveModel} from '../../src/node.js';
import type {PaperRow} from '../paper_rows.js';
import {attacksOf} from './attacks_of.js';
import {writeCard} from './card.js';
import {hasCheckpoint, type Place, writeCheckpoint} from './checkpoint.js';
import type {FiniteGuard, OnNaN} from './finite_guard.js';
import {evaluateHeldOut} from './held_out.js';
import {addLogs, bestEpoch, makeCard, means} from './history.js';
import {published, type Settings} from './settings.js';

/** How to run a training, beside the settings that determine the weights. */
export interface RunOptions {
  /** For the best model, its card, the checkpoint and the logs. */
  out: string;
  /** Where the model of `settings.init` lies, if another machine has it elsewhere. */
  initFolder?: string;
  /** Minutes between two checkpoints; 0 for one after each batch. */
  checkpointMinutes: number;
  /** Once aborted, the run writes a checkpoint and ends. */
  signal?: AbortSignal;
  /** When a loss or weight is not finite: end with an error, or undo the batch. Default `stop`. */
  onNaN?: OnNaN;
  /** Called after each batch with the number of batches done, of all. */
  onBatch?(done: number, total: number): void;
  /** Called during the attack on held-out images, with the examples done, of all. */
  onHeldOut?(done: number, total: number): void;
  onEpoch?(epoch: number, logs: Record<string, number>): void;
  /** Called when a checkpoint is written; the run goes on after it. */
  onCheckpoint?(): Promise<void>;
}

/** What a {@link RunRecorder} records. */
export interface Run {
  defense: PaperRow;
  settings: Settings;
  model: tf.LayersModel;
  average: WeightAverage | undefined;
  /** Undefined in plain training. */
  adversary: AdversarialTraining | undefined;
  /** Batches of a whole epoch. */
  batches: number;
  /** Images that select the best epoch. */
  judging: ImageSet;
  guard: FiniteGuard;
  place: Place;
}

const GUARDED = /^(fast|pgd)_acc/;

/**
 * Records a run: a checkpoint every few minutes, and at the end of each epoch
 * the accuracy on held-out images, the best model so far and its card. It must
 * be the last of the callbacks.
 */
export class RunRecorder extends tf.CustomCallback {
  private readonly began = performance.now();
  private readonly former: number;
  private written = this.began;
  /** Batches of the present epoch that an earlier run has done. */
  private offset: number;

  constructor(
    private readonly run: Run,
    private readonly options: RunOptions,
  ) {
    super({
      onTrainBegin: () => this.begin(),
      onBatchEnd: (index, logs = {}) => this.afterBatch(index, logs),
      onEpochEnd: (epoch, logs = {}) => this.afterEpoch(epoch, logs),
    });
    this.former = run.place.seconds;
    this.offset = run.place.batch;
  }

  /** From now on the folder belongs to this run. */
  private async begin(): Promise<void> {
    if (!(await hasCheckpoint(this.options.out))) await this.checkpoint();
  }

  private async afterBatch(index: number, logs: tf.Logs): Promise<void> {
    const {place, batches, settings, model, guard} = this.run;
    const {onBatch, signal, checkpointMinutes} = this.options;
    // The checkpoint before it stays.
    if (guard.failure) return;
    // A metric that is not finite has no mean.
    const finite = Object.values(logs).every(x => Number.isFinite(Number(x)));
    if (!guard.skipped && finite) addLogs(place, logs);
    place.batch = this.offset + index + 1;
    onBatch?.(place.epoch * batches + place.batch, settings.epochs * batches);
    if (signal?.aborted) model.stopTraining = true;
    // The end of an epoch writes one of its own.
    if (place.batch === batches) return;
    const minutes = (performance.now() - this.written) / 60_000;
    if (signal?.aborted || minutes >= checkpointMinutes) {
      await this.checkpoint();
    }
  }

  private async afterEpoch(epoch: number, logs: tf.Logs): Promise<void> {
    const {place, batches, defense, settings, model, judging} = this.run;
    const {out, onEpoch} = this.options;
    // Cut short: the checkpoint holds the place to resume from.
    if (place.batch < batches) return;
    const entry = means(place);
    // The guard's are of the epoch's end.
    for (const key of Object.keys(logs).filter(k => GUARDED.test(k))) {
      entry[key] = Number(logs[key]);
    }
    const skipped = this.run.guard.skippedInEpoch;
    if (skipped > 0) entry.skipped_batches = skipped;
    if (judging.size > 0) {
      const {seed} = settings;
      const attacks = attacksOf(defense, settings.smoothness);
      const found = await evaluateHeldOut(model, judging, attacks, {
        seed,
        onProgress: this.options.onHeldOut,
      });
      entry.held_out_acc = found.clean;
      if (found.robust !== undefined) entry.held_out_adv_acc = found.robust;
    }
    place.history.push(entry);
    Object.assign(place, {epoch: epoch + 1, batch: 0, sums: {}, seen: 0});
    this.offset = 0;
    if (bestEpoch(place.history, judging.size) === place.history.length) {
      await saveModel(model, out, {
        metadata: {
          defense: defense.name,
          epoch: epoch + 1,
          settings: published(settings),
        },
      });
    }
    place.seconds = this.seconds();
    await writeCard(
      out,
      await makeCard(defense, settings, place, judging.size),
    );
    await this.checkpoint();
    onEpoch?.(epoch, entry);
  }

  private async checkpoint(): Promise<void> {
    const {model, average, adversary, settings, place} = this.run;
    this.written = performance.now();
    place.seconds = this.seconds();
    await writeCheckpoint(
      this.options.out,
      model,
      {average, adversary},
      settings,
      place,
    );
    await this.options.onCheckpoint?.();
  }

  private seconds(): number {
    return this.former + (performance.now() - this.began) / 1000;
  }
}
