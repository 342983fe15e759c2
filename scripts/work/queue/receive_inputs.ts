import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {Order} from '../child.js';
import type {Unit} from '../kinds.js';
import {receiveImages} from './image_bundle.js';
import {receiveModel} from './model_bundle.js';
import type {Exchange} from './redis.js';

/** A unit with all that its computation reads, on this machine. */
export interface Inputs {
  order: Order & {unit: Unit};
  /** Removes what no other unit needs. */
  remove(): Promise<void>;
}

/** Gets what a producer has sent with a unit. */
export async function receiveInputs(
  exchange: Exchange,
  unit: Unit,
): Promise<Inputs> {
  const path = await receiveModel(exchange, unit.model);
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
