import {stat} from 'node:fs/promises';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import type {
  AdversarialTraining,
  AdversarialTrainingState,
  WeightAverage,
  WeightAverageState,
} from '../../src/index.js';
import {
  type AdversaryMetadata,
  joinState,
  splitState,
  tensorsOf,
} from './adversary_state.js';
import {optimizerState, restoreOptimizer} from './optimizer.js';
import {damaged, readSafetensors} from '../../src/cli/safetensors.js';
import {checkMetadata, checkTensors} from './checkpoint_schema.js';
import {readTensors, writeTensors} from './tensor_file.js';
import type {Settings} from './settings.js';

/** How far a run is. */
export interface Place {
  /** The epoch to resume in, from 0. */
  epoch: number;
  /** The batch of that epoch to resume with, from 0. */
  batch: number;
  /** The logs of the finished epochs. */
  history: Array<Record<string, number>>;
  /** Sums of the unfinished epoch's logs, weighted by the size of each batch. */
  sums: Record<string, number>;
  /** Examples that these are sums over. */
  seen: number;
  /** Time spent on training so far. */
  seconds: number;
}

/** A checkpoint beside its tensors. */
export interface Metadata extends Place {
  settings: Settings;
  iterations: number;
  averaged: number;
  adversary?: AdversaryMetadata;
}

export function checkpointFile(folder: string): string {
  return join(folder, 'checkpoint.safetensors');
}

export async function hasCheckpoint(folder: string): Promise<boolean> {
  return (await stat(checkpointFile(folder)).catch(() => null)) !== null;
}

/**
 * Epochs of a run that is at its end; false for one that has a checkpoint to go
 * on from. A model without a checkpoint is at its end.
 */
export async function finishedEpochs(folder: string): Promise<number | false> {
  if (!(await hasCheckpoint(folder))) return Infinity;
  const {metadata} = await readSafetensors(checkpointFile(folder));
  const {epoch, settings} = metadata as Metadata;
  return epoch >= settings?.epochs ? epoch : false;
}

/** Callbacks with a state of their own. */
export interface Stateful {
  average?: WeightAverage;
  adversary?: AdversarialTraining;
}

/**
 * Writes all that a run needs to resume as if it had never stopped. The weights
 * are those in training; their average is stored separately. Data order,
 * augmentation and attacks need no state: the seed and the place determine them.
 */
export async function writeCheckpoint(
  folder: string,
  model: tf.LayersModel,
  {average, adversary}: Stateful,
  settings: Settings,
  place: Place,
): Promise<void> {
  const weights =
    average?.trainedWeights() ?? model.weights.map(w => w.read().clone());
  const mean = average?.state();
  const state = adversary?.state();
  const parts = state && splitState(state);
  const optimizer = await optimizerState(model.optimizer);
  const tensors = new Map<string, tf.Tensor>();
  weights.forEach((w, i) => tensors.set(`weight.${i}`, w));
  mean?.weights.forEach((w, i) => tensors.set(`average.${i}`, w));
  optimizer.tensors.forEach((w, name) => tensors.set(`optimizer.${name}`, w));
  parts?.tensors.forEach((t, name) => tensors.set(name, t));
  const metadata: Metadata = {
    ...place,
    settings,
    iterations: optimizer.iterations,
    averaged: mean?.updates ?? 0,
    ...(parts && {adversary: parts.metadata}),
  };
  try {
    await writeTensors(checkpointFile(folder), {tensors, metadata});
  } finally {
    tf.dispose([weights, mean?.weights ?? [], tensorsOf(state)]);
  }
}

/** The place of a run without a checkpoint. */
export function beginning(): Place {
  return {epoch: 0, batch: 0, history: [], sums: {}, seen: 0, seconds: 0};
}

/** A model in its former state, and what {@link readCheckpoint} returns beside it. */
export interface Restored {
  place: Place;
  /** The average of the weights, if there was one; the caller's to dispose. */
  initial?: WeightAverageState;
  /** Of `adversarialTraining`; its tensors are the caller's to dispose. */
  adversary?: AdversarialTrainingState;
}

/**
 * Puts a newly compiled model into the state of its run. The whole checkpoint is
 * checked before any of it is used.
 *
 * @param batches batches of a whole epoch.
 * @throws Error with one sentence if the checkpoint is damaged or belongs to a
 *     run with other settings.
 */
export async function readCheckpoint(
  folder: string,
  model: tf.LayersModel,
  settings: Settings,
  batches: number,
): Promise<Restored> {
  const file = checkpointFile(folder);
  const {tensors, metadata} = await readTensors(file);
  try {
    let checked: Metadata;
    try {
      checked = checkMetadata(metadata, batches);
    } catch (error) {
      throw damaged(file, (error as Error).message, error);
    }
    const {
      settings: former,
      iterations,
      averaged,
      adversary: metadataOfAttack,
      ...place
    } = checked;
    checkSame(folder, settings, former);
    try {
      checkTensors(tensors, model, settings.ema > 0);
    } catch (error) {
      throw damaged(file, (error as Error).message, error);
    }
    const named = (prefix: string) =>
      [...tensors].filter(([name]) => name.startsWith(prefix));
    model.weights.forEach((w, i) => w.write(tensors.get(`weight.${i}`)!));
    const state = named('optimizer.').map(
      ([name, tensor]) => [name.slice('optimizer.'.length), tensor] as const,
    );
    await restoreOptimizer(model.optimizer, iterations, new Map(state));
    const weights = named('average.').map(([, tensor]) => tensor.clone());
    const initial =
      weights.length > 0 ? {weights, updates: averaged} : undefined;
    const adversary = metadataOfAttack && joinState(metadataOfAttack, tensors);
    return {place, initial, adversary};
  } finally {
    tf.dispose([...tensors.values()]);
  }
}

/** More epochs are allowed if the learning rate does not depend on their number. */
function checkSame(folder: string, now: Settings, written: Settings): void {
  const former = {...beforeTheyExisted(now), ...written};
  for (const key of Object.keys(now) as Array<keyof Settings>) {
    const may = key === 'epochs' && now.schedule === 'constant';
    if (now[key] !== former[key] && !may) {
      throw new Error(
        `${folder} was trained with ${key} ${former[key]}, not ${now[key]}: give the same options to resume it, or another --out.`,
      );
    }
  }
}

/** What older runs did, which had no choice of these. */
function beforeTheyExisted(now: Settings): Partial<Settings> {
  return {
    boundWarmUp: 0,
    mix: now.mix && 'both',
    attack: now.attack,
    smoothness: now.smoothness && 'price',
    union: now.union && 'worst',
    crafting: now.crafting && 'pgd',
    objective: now.objective && (now.defense === 'TRADES' ? 'trades' : 'loss'),
    labelSmoothing: now.labelSmoothing === null ? null : 0,
    awp: now.awp === null ? null : 0,
    onOverfitting: null,
  };
}
