import {existsSync} from 'node:fs';
import {mkdir, readdir, rename, rm, statfs} from 'node:fs/promises';
import {basename, dirname, join} from 'node:path';
import {SetupError} from './errors.js';

/**
 * Makes `target` (a file or a folder) by letting `make` write it under a
 * temporary name, so that it is there whole or not at all; does nothing if it
 * is there. What an interrupted run left under such a name is removed first.
 */
export async function makeOnce(
  target: string,
  make: (temporary: string) => Promise<void>,
): Promise<void> {
  if (existsSync(target)) return;
  await mkdir(dirname(target), {recursive: true});
  await removeLeftovers(target);
  const temporary = `${target}.partial-${process.pid}`;
  try {
    await make(temporary);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, {recursive: true, force: true});
    // Another run was faster: its result is as good.
    if (!existsSync(target)) throw error;
  }
}

async function removeLeftovers(target: string): Promise<void> {
  const prefix = `${basename(target)}.partial-`;
  for (const name of await readdir(dirname(target))) {
    if (!name.startsWith(prefix)) continue;
    if (isAlive(Number(name.slice(prefix.length)))) continue;
    await rm(join(dirname(target), name), {recursive: true, force: true});
  }
}

function isAlive(pid: number): boolean {
  // Our own number can only be a former process's: nothing of ours is there yet.
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** @throws SetupError if fewer than `bytes` are free where `folder` is or will be. */
export async function needSpace(folder: string, bytes: number): Promise<void> {
  let existing = folder;
  while (!existsSync(existing)) existing = dirname(existing);
  const {bavail, bsize} = await statfs(existing);
  const free = bavail * bsize;
  if (free >= bytes) return;
  const gigabytes = (n: number) => `${(n / 1e9).toFixed(1)} GB`;
  throw new SetupError(
    `Not enough disk space at ${existing}: ${gigabytes(bytes)} are needed and ${gigabytes(free)} are free; free some, or choose another place with --cache DIR.`,
  );
}
