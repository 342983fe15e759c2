import type * as tf from '@tensorflow/tfjs';
import {checkGood, isAdversaryMetadata} from './adversary_state.js';
import type {Metadata} from './checkpoint.js';

type Check = (value: unknown) => boolean;

const isWhole: Check = x => Number.isSafeInteger(x) && (x as number) >= 0;
const isFinite: Check = x => Number.isFinite(x);
const isRecord = (x: unknown): x is Record<string, unknown> =>
  typeof x === 'object' && x !== null && !Array.isArray(x);
const isNumbers: Check = x => isRecord(x) && Object.values(x).every(isFinite);
const isSetting: Check = x =>
  x === null || typeof x === 'string' || typeof x === 'boolean' || isFinite(x);

const CHECKS: Record<keyof Metadata, Check> = {
  epoch: isWhole,
  batch: isWhole,
  history: x => Array.isArray(x) && x.every(isNumbers),
  sums: isNumbers,
  seen: isWhole,
  seconds: x => isFinite(x) && (x as number) >= 0,
  settings: x => isRecord(x) && Object.values(x).every(isSetting),
  iterations: isWhole,
  averaged: isWhole,
  // Absent in plain training, and in older runs.
  adversary: x => x === undefined || isAdversaryMetadata(x),
};

/**
 * The metadata of a checkpoint, if it can be that of a run.
 *
 * @param batches batches of a whole epoch.
 * @throws Error with the reason, the second half of a sentence.
 */
export function checkMetadata(metadata: unknown, batches: number): Metadata {
  if (!isRecord(metadata)) throw new Error('it has no metadata');
  for (const [key, check] of Object.entries(CHECKS)) {
    if (!check(metadata[key])) {
      throw new Error(`its ${key} cannot be that of a run`);
    }
  }
  const {epoch, batch, history, settings} = metadata as unknown as Metadata;
  if (epoch > settings.epochs || history.length !== epoch) {
    throw new Error(
      `it is in epoch ${epoch} of ${settings.epochs} with the logs of ${history.length}`,
    );
  }
  if (batch >= batches) {
    throw new Error(`it is at batch ${batch} of ${batches}`);
  }
  return metadata as unknown as Metadata;
}

/**
 * Checks that a checkpoint has the tensors of the model, and no others.
 *
 * @throws Error with the reason, the second half of a sentence.
 */
export function checkTensors(
  tensors: ReadonlyMap<string, tf.Tensor>,
  model: tf.LayersModel,
  averaged: boolean,
): void {
  const shapes = model.weights.map(w => String(w.shape));
  const trained = new Set(model.trainableWeights.map(w => String(w.shape)));
  const good = checkGood(tensors, shapes, trained);
  const expected = new Map<string, string>();
  shapes.forEach((shape, i) => {
    expected.set(`weight.${i}`, shape);
    if (averaged) expected.set(`average.${i}`, shape);
  });
  for (const [name, shape] of expected) {
    const found = tensors.get(name);
    if (!found || String(found.shape) !== shape || found.dtype !== 'float32') {
      throw new Error(`${name} is not a weight of this network`);
    }
  }
  for (const [name, tensor] of tensors) {
    if (expected.has(name) || good.has(name)) continue;
    const moment = /^optimizer\.moment\.\d+$/.test(name);
    const product = /^optimizer\.accBeta[12]$/.test(name) && tensor.size === 1;
    if (!(moment && trained.has(String(tensor.shape))) && !product) {
      throw new Error(`${name} belongs to no run of this network`);
    }
  }
}
