import type {Redis} from 'ioredis';
import {UNIT_FORMAT, VERSION} from '../unit.js';
import {PREFIX} from './redis.js';

const KEY = `${PREFIX}:version`;

/** Versions of this package that may work together. */
export const PROTOCOL = `${VERSION} (units of format ${UNIT_FORMAT})`;

/**
 * Makes this version the queue's.
 *
 * @param busy whether the queue still holds work.
 * @throws Error with one sentence if it holds work of another version.
 */
export async function claimVersion(redis: Redis, busy: boolean): Promise<void> {
  const found = await redis.get(KEY);
  if (found !== null && found !== PROTOCOL && busy) {
    throw new Error(
      `The queue holds work of version ${found}, and this is ${PROTOCOL}: wait until it is done, or use another database of Redis (redis://HOST:PORT/1).`,
    );
  }
  await redis.set(KEY, PROTOCOL);
}

/** @throws Error with one sentence if the queue is of another version. */
export async function checkVersion(redis: Redis): Promise<void> {
  const found = await redis.get(KEY);
  if (found !== null && found !== PROTOCOL) {
    throw new Error(
      `This worker has version ${PROTOCOL}, but the queue is of version ${found}: install that version.`,
    );
  }
}
