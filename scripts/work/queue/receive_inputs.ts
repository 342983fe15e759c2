import {mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {Order} from '../child.js';
import {nameOf, type Unit} from '../kinds.js';
import {unpackRun} from '../run_files.js';
import type {TrainingUnit} from '../training_unit.js';
import {receiveImages} from './image_bundle.js';
import {receiveModel} from './model_bundle.js';
import type {Exchange} from './redis.js';
import {receiveCheckpoint, sendCheckpoint, sendFiles} from './run_bundle.js';

/** A unit with all that its computation reads, on this machine. */
export interface Inputs {
  order: Order & {unit: Unit};
  /** Sends the checkpoint of a row being trained. */
  save?(batches: number): Promise<void>;
  /** Sends what belongs to the result and is too large for it. */
  finish?(): Promise<void>;
  /** Removes what no other unit needs. */
  remove(): Promise<void>;
}

/** Gets what a producer has sent with a unit. */
export async function receiveInputs(
  exchange: Exchange,
  unit: Unit,
): Promise<Inputs> {
  const path =
    unit.model === undefined
      ? undefined
      : await receiveModel(exchange, unit.model);
  if ('kind' in unit && unit.kind === 'training') {
    return receiveRun(exchange, unit, path);
  }
  const data = 'kind' in unit && (await receiveImages(exchange, unit.data));
  if (!data) return {order: {unit, path}, remove: async () => {}};
  const folder = await mkdtemp(join(tmpdir(), 'tfjs-adversarial-unit-'));
  const images = join(folder, 'images');
  await writeFile(images, data);
  return {
    order: {unit, path, images},
    remove: () => rm(folder, {recursive: true, force: true}),
  };
}

/** A row goes on from the last checkpoint of another worker, if there is one. */
async function receiveRun(
  exchange: Exchange,
  unit: TrainingUnit,
  path: string | undefined,
): Promise<Inputs> {
  const scratch = await mkdtemp(join(tmpdir(), 'tfjs-adversarial-run-'));
  const run = {folder: join(scratch, 'run'), bundle: join(scratch, 'bundle')};
  const name = nameOf(unit);
  await mkdir(run.folder);
  const checkpoint = await receiveCheckpoint(exchange, name);
  if (checkpoint) await unpackRun(checkpoint, run.folder);
  return {
    order: {unit, path, run},
    save: async batches =>
      sendCheckpoint(exchange, name, await readFile(run.bundle), batches),
    finish: async () => sendFiles(exchange, await readFile(run.bundle)),
    remove: () => rm(scratch, {recursive: true, force: true}),
  };
}
