import {randomUUID} from 'node:crypto';
import {readFileSync, rmSync, writeFileSync} from 'node:fs';
import {link, open, rename, rm, stat, readFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {fileError, makeFolder} from './cache.js';
import {startHeartbeat, stopHeartbeat} from './lock_heartbeat.js';
import {
  isRunning,
  type LockOwner,
  parseOwner,
  thisProcess,
} from './lock_owner.js';

/**
 * A lock is a file with its owner. The owner touches it every few seconds
 * (the heartbeat). A process of the same machine and container sees whether the
 * owner still runs; for any other, a lock without a heartbeat for this long,
 * in milliseconds, is stale.
 */
const STALE = 60_000;

/** A lock file is written in one call; one without an owner for this long, in milliseconds, never gets one. */
const UNFINISHED = 5_000;

/** The lock files of this process, each with its token. */
const held = new Map<string, string>();
process.on('exit', () => {
  for (const file of [...held.keys()]) release(file);
});

/**
 * Runs `work` while no other process runs one under the same lock file, on this
 * machine or on another one or in another container that shares the folder.
 * Waits while the owner runs, and says so once.
 */
export async function withLock<T>(
  file: string,
  work: () => Promise<T>,
): Promise<T> {
  const began = Date.now();
  let told = false;
  for (;;) {
    const owner = await tryLock(file);
    if (owner === null) break;
    if (!told && Date.now() - began > 3000 && !held.has(file)) {
      told = true;
      console.error(`Waiting for ${described(owner)}, which holds ${file} …`);
    }
    await sleep(300);
  }
  try {
    return await work();
  } finally {
    release(file);
  }
}

/**
 * Makes a folder this process's own until it ends or calls the function
 * returned.
 *
 * @throws one sentence if another process that still runs has it.
 */
export async function ownFolder(folder: string): Promise<() => void> {
  const file = join(folder, 'lock');
  const owner = await tryLock(file);
  if (owner !== null) {
    throw new Error(
      `Another run (${described(owner)}) is at work in ${folder}: wait until it ends, or give another --out.`,
    );
  }
  return () => release(file);
}

/** Takes the lock, or returns who holds it. */
async function tryLock(file: string): Promise<LockOwner | null> {
  for (;;) {
    if (await create(file)) return null;
    const text = await readFile(file, 'utf8').catch(() => '');
    const owner = parseOwner(text);
    if (owner && held.get(file) === owner.token) return owner;
    const running = owner ? isRunning(owner) : undefined;
    if (owner && running) return owner;
    const age = running === false ? Infinity : await ageOf(file);
    if (age > (owner ? STALE : UNFINISHED)) await removeStale(file, text);
    else if (owner) return owner;
    else await sleep(100);
  }
}

async function create(file: string): Promise<boolean> {
  await makeFolder(dirname(file));
  const token = randomUUID();
  const text = JSON.stringify(thisProcess(token));
  try {
    // At once with the entry in `held`, so that this process never sees one alone.
    writeFileSync(file, text, {flag: 'wx'});
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw fileError(error, file, 'written');
  }
  held.set(file, token);
  startHeartbeat(file, text);
  return true;
}

/** Removes a lock of this process, unless another process has taken it. */
function release(file: string): void {
  const token = held.get(file);
  held.delete(file);
  stopHeartbeat(file);
  try {
    const owner = parseOwner(readFileSync(file, 'utf8'));
    if (owner?.token === token) rmSync(file, {force: true});
  } catch {
    // It is gone.
  }
}

/** Milliseconds since the last heartbeat by the clock of the file system: that of another machine may differ. */
async function ageOf(file: string): Promise<number> {
  const probe = `${file}.${process.pid}.${randomUUID()}.tmp`;
  try {
    await (await open(probe, 'wx')).close();
    const [now, then] = await Promise.all([stat(probe), stat(file)]);
    return now.mtimeMs - then.mtimeMs;
  } catch (error) {
    // The lock is gone: take it.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Infinity;
    throw fileError(error, file, 'written');
  } finally {
    await rm(probe, {force: true}).catch(() => {});
  }
}

/** If several processes see a stale lock, the rename lets one of them remove it. */
async function removeStale(file: string, text: string): Promise<void> {
  const stale = `${file}.${process.pid}.${randomUUID()}.tmp`;
  await rename(file, stale).catch(() => {});
  // A slower process may have renamed the next owner's lock.
  const taken = await readFile(stale, 'utf8').catch(() => null);
  if (taken !== null && taken !== text) await link(stale, file).catch(() => {});
  await rm(stale, {force: true});
}

function described({host, pid}: LockOwner): string {
  return `process ${pid} on ${host}`;
}
