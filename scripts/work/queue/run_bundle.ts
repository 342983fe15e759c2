import {createHash} from 'node:crypto';
import {readFile, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {writeWhole} from '../../../src/io/cache.js';
import {type Exchange, KEPT, MAX_BYTES, PREFIX} from './redis.js';

const checkpointKey = (unit: string) => `${PREFIX}:checkpoint:${unit}`;
const batchesKey = (unit: string) => `${PREFIX}:batches:${unit}`;
const filesKey = (digest: string) => `${PREFIX}:files:${digest}`;

/** A worker that was paused does not replace the checkpoint of one that is further. */
const SET_IF_FURTHER = `
if tonumber(redis.call('get', KEYS[2]) or '-1') > tonumber(ARGV[2]) then return 0 end
redis.call('set', KEYS[1], ARGV[1], 'EX', ARGV[3])
redis.call('set', KEYS[2], ARGV[2], 'EX', ARGV[3])
return 1`;

function checkSize(bundle: Buffer): void {
  if (bundle.length > MAX_BYTES) {
    throw new Error(
      `A checkpoint has ${Math.ceil(bundle.length / 2 ** 20)} MiB, and at most ${MAX_BYTES / 2 ** 20} go through Redis: give --weights with a folder that all workers see`,
    );
  }
}

/** Puts a checkpoint of a unit where other workers find it. */
export async function sendCheckpoint(
  {redis, weights}: Exchange,
  unit: string,
  bundle: Buffer,
  batches: number,
): Promise<void> {
  if (weights !== undefined) {
    return writeWhole(join(weights, `${unit}.checkpoint`), bundle);
  }
  checkSize(bundle);
  const keys = [checkpointKey(unit), batchesKey(unit)];
  await redis.eval(SET_IF_FURTHER, 2, ...keys, bundle, batches, KEPT);
}

/** The last checkpoint of a unit; null if there is none. */
export async function receiveCheckpoint(
  {redis, weights}: Exchange,
  unit: string,
): Promise<Buffer | null> {
  return weights === undefined
    ? redis.getBuffer(checkpointKey(unit))
    : readFile(join(weights, `${unit}.checkpoint`)).catch(() => null);
}

/** Puts the files of a finished run where the producer finds them. */
export async function sendFiles(
  {redis, weights}: Exchange,
  bundle: Buffer,
): Promise<void> {
  const digest = createHash('sha256').update(bundle).digest('hex');
  if (weights !== undefined) {
    return writeWhole(join(weights, `${digest}.files`), bundle);
  }
  checkSize(bundle);
  await redis.set(filesKey(digest), bundle, 'EX', KEPT);
}

/** @throws Error, the second half of a sentence, if they are not there or are others. */
export async function receiveFiles(
  {redis, weights}: Exchange,
  digest: string,
): Promise<Buffer> {
  const bundle =
    weights === undefined
      ? await redis.getBuffer(filesKey(digest))
      : await readFile(join(weights, `${digest}.files`)).catch(() => null);
  if (!bundle) throw new Error('its files are not there');
  if (createHash('sha256').update(bundle).digest('hex') !== digest) {
    throw new Error('its files have another SHA-256');
  }
  return bundle;
}

/** Removes what a unit has left, once its files are taken. */
export async function removeRun(
  {redis, weights}: Exchange,
  unit: string,
  digest: string,
): Promise<void> {
  if (weights === undefined) {
    const keys = [checkpointKey(unit), batchesKey(unit), filesKey(digest)];
    await redis.del(...keys);
    return;
  }
  await rm(join(weights, `${unit}.checkpoint`), {force: true});
  await rm(join(weights, `${digest}.files`), {force: true});
}
