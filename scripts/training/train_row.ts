import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {
  imageDataset,
  type ImageSet,
  tensorBoard,
  weightAverage,
} from '../../src/index.js';
import type {PaperRow} from '../paper_rows.js';
import {beginning, hasCheckpoint, readCheckpoint} from './checkpoint.js';
import {wholeEpochs} from './history.js';
import {Keeper, type Run, type RunOptions} from './best_epoch.js';
import {makeModel} from './make_model.js';
import {scheduleCallbacks} from './optimizer.js';
import type {Settings} from './settings.js';

/**
 * Trains one defense, on from its checkpoint where `out` has one. Whenever it is
 * stopped, and however, it ends with the weights that it would have had without.
 *
 * @param data the first `examples` training images.
 * @returns whether all epochs are done.
 */
export async function trainRow(
  defense: PaperRow,
  settings: Settings,
  data: ImageSet,
  options: RunOptions,
): Promise<boolean> {
  const {epochs, batch, heldOut, ema} = settings;
  const training = data.slice(0, data.size - heldOut);
  const model = await makeModel(defense, settings, data);
  const goesOn = await hasCheckpoint(options.out);
  const {place, initial} = goesOn
    ? await readCheckpoint(options.out, model, settings)
    : {place: beginning(), initial: undefined};
  const run: Run = {
    defense,
    settings,
    model,
    average: ema ? weightAverage({decay: ema, initial}) : undefined,
    batches: Math.floor(training.size / batch),
    judging: data.slice(data.size - heldOut),
    place,
  };
  try {
    if (place.epoch < epochs) await fit(run, training, options, goesOn);
  } finally {
    tf.dispose(initial?.weights ?? []);
    model.optimizer.dispose();
    model.dispose();
  }
  return place.epoch >= epochs;
}

async function fit(
  run: Run,
  training: ImageSet,
  options: RunOptions,
  goesOn: boolean,
): Promise<void> {
  const {defense, settings, model, average, batches, place} = run;
  const {epochs, batch, seed, steps, attackLearningRate, boundWarmUp, mix} =
    settings;
  const dataset = imageDataset(training, {
    batchSize: batch,
    augment: true,
    seed,
    epoch: place.epoch,
    startBatch: place.batch,
    // A last, smaller batch would be compiled by itself.
    dropRemainder: true,
  });
  const logs = join(options.out, 'logs');
  const initialBatch = goesOn ? place.epoch * batches + place.batch : undefined;
  await model.fitDataset(dataset as tf.data.Dataset<tf.TensorContainer>, {
    epochs,
    initialEpoch: place.epoch,
    verbose: 0,
    callbacks: [
      wholeEpochs(place, batches),
      ...scheduleCallbacks(settings, batches),
      ...(average ? [average] : []),
      ...(defense.training
        ? defenseCallbacks(defense, {
            steps,
            warmUpEpochs: boundWarmUp,
            ...(mix && {mix}),
            learningRate: attackLearningRate ?? undefined,
            seed,
            tensorBoard: logs,
            initialBatch,
          })
        : [tensorBoard(logs, {updateFreq: 'batch', initialBatch})]),
      new Keeper(run, options),
    ],
  });
}
