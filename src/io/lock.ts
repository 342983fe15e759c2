import {rmSync, writeFileSync} from 'node:fs';
import {link, mkdir, readFile, rename, rm, stat} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {fileError} from './cache.js';

/** Locks of this process; one with its number that is not among them is an earlier process's. */
const held = new Set<string>();
process.on('exit', () => {
  for (const file of held) rmSync(file, {force: true});
});

/**
 * Runs `work` while no other process of this machine runs one under the same
 * lock file; waits as long as its owner lives.
 */
export async function withLock<T>(
  file: string,
  work: () => Promise<T>,
): Promise<T> {
  while ((await tryLock(file)) !== null) await sleep(300);
  try {
    return await work();
  } finally {
    rmSync(file, {force: true});
    held.delete(file);
  }
}

/**
 * Makes a folder this process's own until it ends, however it ends.
 *
 * @throws one sentence if another living process has it.
 */
export async function ownFolder(folder: string): Promise<void> {
  const file = join(folder, 'lock');
  const owner = await tryLock(file);
  if (owner !== null) {
    throw new Error(
      `Another run (process ${owner}) is at work in ${folder}: wait for it, or give another --out. If there is none, remove ${file}.`,
    );
  }
}

/** Takes the lock, or gives the number of the process that has it. */
async function tryLock(file: string): Promise<number | null> {
  for (;;) {
    if (await create(file)) return null;
    const owner = await readOwner(file);
    if (owner !== null && isAlive(owner, file)) return owner;
    if (owner === null && (await isRecent(file))) {
      await sleep(100);
    } else {
      await removeStale(file, owner);
    }
  }
}

async function create(file: string): Promise<boolean> {
  try {
    await mkdir(dirname(file), {recursive: true});
    // At once with the entry in `held`, so that nobody here sees one alone.
    writeFileSync(file, String(process.pid), {flag: 'wx'});
    held.add(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw fileError(error, file, 'written');
  }
}

/** Null where nothing is in it: the owner has just made it, or died just then. */
async function readOwner(file: string): Promise<number | null> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text ? Number(text) : null;
}

async function isRecent(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => null);
  return found !== null && Math.abs(Date.now() - found.mtimeMs) < 5000;
}

/** Of several who see a dead owner's lock, the rename lets one take it away. */
async function removeStale(file: string, owner: number | null): Promise<void> {
  const stale = `${file}.${process.pid}.stale`;
  await rename(file, stale).catch(() => {});
  // One who was slower may have got hold of the next owner's.
  const taken = await readOwner(stale);
  if (taken !== owner) await link(stale, file).catch(() => {});
  await rm(stale, {force: true});
}

function isAlive(pid: number, file: string): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  if (pid === process.pid) return held.has(file);
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
