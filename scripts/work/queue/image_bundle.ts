import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import type {ImageSet} from '../../../src/index.js';
import {writeWhole} from '../../../src/io/cache.js';
import {packImages} from '../image_files.js';
import {type Exchange, KEPT, MAX_BYTES, PREFIX} from './redis.js';

const key = (digest: string) => `${PREFIX}:images:${digest}`;

const fileName = (digest: string) => `${digest}.images`;

/** Puts the images of a unit where workers find them. */
export async function sendImages(
  {redis, weights}: Exchange,
  digest: string,
  images: ImageSet,
): Promise<void> {
  if (weights === undefined && (await redis.expire(key(digest), KEPT))) return;
  const data = packImages(images);
  if (weights !== undefined) {
    return writeWhole(join(weights, fileName(digest)), data);
  }
  if (data.length > MAX_BYTES) {
    throw new Error(
      `The images of a part have ${Math.ceil(data.length / 2 ** 20)} MiB, and at most ${MAX_BYTES / 2 ** 20} go through Redis: give a smaller --part, or --weights with a folder that all workers see.`,
    );
  }
  await redis.set(key(digest), data, 'EX', KEPT);
}

/** The images of a unit as {@link packImages} made them; undefined where they were not sent. */
export async function receiveImages(
  {redis, weights}: Exchange,
  digest: string,
): Promise<Buffer | undefined> {
  if (weights === undefined) {
    return (await redis.getBuffer(key(digest))) ?? undefined;
  }
  return readFile(join(weights, fileName(digest))).catch(() => undefined);
}
