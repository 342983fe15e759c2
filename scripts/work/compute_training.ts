import {createHash} from 'node:crypto';
import {loadCifar10} from '../../src/node.js';
import {writeWhole} from '../../src/io/cache.js';
import {findRow} from '../paper_rows.js';
import {trainRow} from '../training/train_row.js';
import {packRun} from './run_files.js';
import type {TrainingUnit} from './training_unit.js';
import {dataDigest} from './unit.js';

export interface ComputeTrainingArgs {
  /** Where the model that training starts from lies on this machine. */
  path?: string;
  /** Of the run; it may hold a checkpoint. */
  folder: string;
  /** The file that gets the run's files whenever there is a checkpoint. */
  bundle: string;
  /** Called with the number of batches done since the last call. */
  onBatches(count: number): void;
  /** Called when `bundle` is written. */
  onSaved(batches: number): void;
}

/** Trains a row to its end. Returns the SHA-256 of the bundle. */
export async function computeTraining(
  {settings, data: digest, onNaN, checkpointMinutes}: TrainingUnit,
  {path, folder, bundle, onBatches, onSaved}: ComputeTrainingArgs,
): Promise<{files: string}> {
  const {defense, examples} = settings;
  const data = await loadCifar10({split: 'train', examples});
  if (dataDigest(data) !== digest) {
    throw new Error(
      'The training images of this worker are not those of the unit.',
    );
  }
  let done = 0;
  await trainRow(findRow(defense), settings, data, {
    ...{out: folder, checkpointMinutes, onNaN, initFolder: path},
    onBatch: now => {
      onBatches(now - done);
      done = now;
    },
    // A sign of life.
    onHeldOut: () => onBatches(0),
    onCheckpoint: async () => {
      await writeWhole(bundle, await packRun(folder));
      onSaved(done);
    },
  });
  const all = await packRun(folder);
  await writeWhole(bundle, all);
  return {files: createHash('sha256').update(all).digest('hex')};
}
