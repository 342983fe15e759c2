import {stat} from 'node:fs/promises';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import type {WeightAverage, WeightAverageState} from '../../src/index.js';
import {optimizerState, restoreOptimizer} from './optimizer.js';
import {readTensors, writeTensors} from './tensor_file.js';
import type {Settings} from './settings.js';

/** How far a run has come, beside its tensors. */
export interface Place {
  /** The epoch to go on in, from 0. */
  epoch: number;
  /** The batch of that epoch to go on with, from 0. */
  batch: number;
  /** The logs of the epochs that are finished. */
  history: Array<Record<string, number>>;
  /** Sums of the unfinished epoch's logs, weighted by the size of each batch. */
  sums: Record<string, number>;
  /** Examples that these are sums over. */
  seen: number;
  /** Time spent on training so far. */
  seconds: number;
}

interface Metadata extends Place {
  settings: Settings;
  iterations: number;
  averaged: number;
}

function checkpointFile(folder: string): string {
  return join(folder, 'checkpoint.safetensors');
}

export async function hasCheckpoint(folder: string): Promise<boolean> {
  return (await stat(checkpointFile(folder)).catch(() => null)) !== null;
}

/**
 * Writes all that a run needs to go on as if it had never stopped. The weights
 * are those in training; their average stands beside them. Data order,
 * augmentation and attacks need no state: they follow from the seed and the
 * place.
 */
export async function writeCheckpoint(
  folder: string,
  model: tf.LayersModel,
  average: WeightAverage | undefined,
  settings: Settings,
  place: Place,
): Promise<void> {
  const weights =
    average?.trainedWeights() ?? model.weights.map(w => w.read().clone());
  const mean = average?.state();
  const optimizer = await optimizerState(model.optimizer);
  const tensors = new Map<string, tf.Tensor>();
  weights.forEach((w, i) => tensors.set(`weight.${i}`, w));
  mean?.weights.forEach((w, i) => tensors.set(`average.${i}`, w));
  optimizer.tensors.forEach((w, name) => tensors.set(`optimizer.${name}`, w));
  const metadata: Metadata = {
    ...place,
    settings,
    iterations: optimizer.iterations,
    averaged: mean?.updates ?? 0,
  };
  try {
    await writeTensors(checkpointFile(folder), {tensors, metadata});
  } finally {
    tf.dispose([weights, mean?.weights ?? []]);
  }
}

/** Where a run begins that has no checkpoint. */
export function beginning(): Place {
  return {epoch: 0, batch: 0, history: [], sums: {}, seen: 0, seconds: 0};
}

/** What {@link readCheckpoint} gives beside a model in its former state. */
export interface Restored {
  place: Place;
  /** The average of the weights, where there was one; the caller's to dispose. */
  initial?: WeightAverageState;
}

/**
 * Puts a freshly compiled model where its run was.
 *
 * @throws Error if the checkpoint belongs to a run with other settings.
 */
export async function readCheckpoint(
  folder: string,
  model: tf.LayersModel,
  settings: Settings,
): Promise<Restored> {
  const {tensors, metadata} = await readTensors(checkpointFile(folder));
  const {
    settings: former,
    iterations,
    averaged,
    ...place
  } = metadata as Metadata;
  checkSame(folder, settings, former);
  const named = (prefix: string) =>
    [...tensors].filter(([name]) => name.startsWith(prefix));
  model.weights.forEach((w, i) => w.write(tensors.get(`weight.${i}`)!));
  const state = named('optimizer.').map(
    ([name, tensor]) => [name.slice('optimizer.'.length), tensor] as const,
  );
  await restoreOptimizer(model.optimizer, iterations, new Map(state));
  const weights = named('average.').map(([, tensor]) => tensor);
  const initial = weights.length > 0 ? {weights, updates: averaged} : undefined;
  for (const [name, tensor] of tensors) {
    if (!name.startsWith('average.')) tensor.dispose();
  }
  return {place, initial};
}

/** More epochs are welcome where the learning rate does not depend on their number. */
function checkSame(folder: string, now: Settings, written: Settings): void {
  // Runs from before there was a choice.
  const mix = now.mix && 'both';
  const former: Settings = {...{mix, boundWarmUp: 0}, ...written};
  for (const key of Object.keys(now) as Array<keyof Settings>) {
    const may = key === 'epochs' && now.schedule === 'constant';
    if (now[key] !== former[key] && !may) {
      throw new Error(
        `${folder} was trained with ${key} ${former[key]}, not ${now[key]}: give the same options to go on with it, or another --out.`,
      );
    }
  }
}
