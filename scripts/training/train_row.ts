import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {
  type AdversarialTraining,
  adversarialTraining,
  type AdversarialTrainingState,
  imageDataset,
  type ImageSet,
  NonFiniteError,
  tensorBoard,
  weightAverage,
} from '../../src/index.js';
import type {PaperRow} from '../paper_rows.js';
import {
  beginning,
  hasCheckpoint,
  readCheckpoint,
  type Restored,
} from './checkpoint.js';
import {attacksOf} from './attacks_of.js';
import {wholeEpochs} from './history.js';
import {type Run, type RunOptions, RunRecorder} from './run_recorder.js';
import {FiniteGuard} from './finite_guard.js';
import {tensorsOf} from './adversary_state.js';
import {makeModel} from './make_model.js';
import {OBJECTIVES} from './objectives.js';
import {scheduleCallbacks} from './optimizer.js';
import type {Settings} from './settings.js';

/**
 * Trains one defense, from its checkpoint if `out` has one. However often it is
 * stopped, it ends with the weights of a run that never was.
 *
 * @param data the first `examples` training images.
 * @returns whether all epochs are done.
 * @throws Error with one sentence if a loss or weight is not finite.
 */
export async function trainRow(
  defense: PaperRow,
  settings: Settings,
  data: ImageSet,
  options: RunOptions,
): Promise<boolean> {
  const {epochs, batch, heldOut, ema} = settings;
  const training = data.slice(0, data.size - heldOut);
  const batches = Math.floor(training.size / batch);
  const {initFolder = settings.init} = options;
  const model = await makeModel(defense, {...settings, init: initFolder}, data);
  const goesOn = await hasCheckpoint(options.out);
  const restored: Restored = goesOn
    ? await readCheckpoint(options.out, model, settings, batches)
    : {place: beginning()};
  const {place, initial} = restored;
  // Counted from 1, as the epochs that are printed.
  const present = () => `batch ${place.batch + 1} of epoch ${place.epoch + 1}`;
  const guard = new FiniteGuard(model, options.onNaN ?? 'stop', present);
  const judging = data.slice(data.size - heldOut);
  // Without held-out images, the guard looks at some that are trained on.
  const source = heldOut > 0 ? judging : training;
  const size = Math.min(GUARDED, source.size);
  const guarded = {
    images: source.tensor(0, size),
    labels: source.labelTensor(0, size),
  };
  const run: Run = {
    guard,
    defense,
    settings,
    model,
    average: ema ? weightAverage({decay: ema, initial}) : undefined,
    adversary: adversaryOf(defense, settings, guarded, {
      ...options,
      initialState: restored.adversary,
      initialBatch: goesOn ? place.epoch * batches + place.batch : undefined,
    }),
    batches,
    judging,
    place,
  };
  try {
    if (place.epoch < epochs) {
      await fit(run, training, options, goesOn).catch(error => {
        if (!(error instanceof NonFiniteError)) throw error;
        const what = `In ${present()} ${error.fault}`;
        guard.failure = new Error(`${what}: training was stopped`);
      });
    }
    if (guard.failure) {
      throw new Error(
        `${guard.failure.message}. ${options.out} holds the checkpoint from before: resume it with --on-nan skip, or train with a lower --learning-rate in another --out.`,
        {cause: guard.failure},
      );
    }
  } finally {
    tf.dispose([initial?.weights ?? [], tensorsOf(restored.adversary)]);
    tf.dispose([guarded.images, guarded.labels]);
    model.optimizer.dispose();
    model.dispose();
  }
  return place.epoch >= epochs;
}

/** Images that the guard against catastrophic overfitting looks at. */
const GUARDED = 128;

/** The callback of a row; undefined for plain training. */
function adversaryOf(
  defense: PaperRow,
  settings: Settings,
  guarded: {images: tf.Tensor4D; labels: tf.Tensor},
  options: RunOptions & {
    initialState?: AdversarialTrainingState;
    initialBatch?: number;
  },
): AdversarialTraining | undefined {
  const attacks = attacksOf(defense, settings.smoothness);
  if (attacks.length === 0) return undefined;
  const {crafting, mix, union, objective, onOverfitting} = settings;
  const fast = crafting === 'fast';
  return adversarialTraining({
    attack: attacks.length > 1 ? attacks : attacks[0],
    ...(union && {union}),
    ...(mix && {mix}),
    ...(fast && {
      crafting,
      guard: guarded,
      onOverfitting: onOverfitting ?? 'warn',
    }),
    steps: settings.steps,
    warmUpEpochs: settings.boundWarmUp,
    learningRate: settings.attackLearningRate ?? undefined,
    objective: OBJECTIVES[objective ?? 'loss'](),
    labelSmoothing: settings.labelSmoothing ?? 0,
    awp: settings.awp ?? 0,
    seed: settings.seed,
    onNonFinite: options.onNaN ?? 'stop',
    progress: false,
    tensorBoard: join(options.out, 'logs'),
    initialState: options.initialState,
    initialBatch: options.initialBatch,
  });
}

async function fit(
  run: Run,
  training: ImageSet,
  options: RunOptions,
  goesOn: boolean,
): Promise<void> {
  const {settings, model, average, adversary, batches, place} = run;
  const {epochs, batch, seed} = settings;
  const dataset = imageDataset(training, {
    batchSize: batch,
    augment: true,
    seed,
    epoch: place.epoch,
    startBatch: place.batch,
    // A smaller last batch would be compiled separately.
    dropRemainder: true,
  });
  const logs = join(options.out, 'logs');
  const initialBatch = goesOn ? place.epoch * batches + place.batch : undefined;
  await model.fitDataset(dataset as tf.data.Dataset<tf.TensorContainer>, {
    epochs,
    initialEpoch: place.epoch,
    verbose: 0,
    callbacks: [
      run.guard,
      wholeEpochs(place, batches),
      ...scheduleCallbacks(settings, batches),
      ...(average ? [average] : []),
      adversary ?? tensorBoard(logs, {updateFreq: 'batch', initialBatch}),
      new RunRecorder(run, options),
    ],
  });
}
