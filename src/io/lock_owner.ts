import {readFileSync, readlinkSync} from 'node:fs';
import {hostname} from 'node:os';

/** Which process holds a lock. It is what the lock file contains. */
export interface LockOwner {
  /** Differs for every lock that was ever taken. */
  token: string;
  host: string;
  pid: number;
  /** Where the pid counts: the boot and the pid namespace (a container has its own); null where the system does not say. */
  scope: string | null;
  /** When the process began, in ticks since the boot: pids are used again. Null where the system does not say. */
  started: string | null;
}

/** The record of this process. */
export function thisProcess(token: string): LockOwner {
  const {pid} = process;
  return {
    token,
    host: hostname(),
    pid,
    scope: pidScope(),
    started: startOf(pid),
  };
}

/** The owner in a lock file's text; null for any other text. */
export function parseOwner(text: string): LockOwner | null {
  try {
    const {token, host, pid, scope, started} = JSON.parse(text);
    const valid =
      typeof token === 'string' &&
      typeof host === 'string' &&
      Number.isSafeInteger(pid) &&
      pid > 0 &&
      [scope, started].every(x => x === null || typeof x === 'string');
    return valid ? {token, host, pid, scope, started} : null;
  } catch {
    return null;
  }
}

/**
 * Whether the owner still runs; undefined if this process cannot tell, because
 * the owner's pid belongs to another machine or container.
 */
export function isRunning(owner: LockOwner): boolean | undefined {
  const scope = pidScope();
  const here = scope ? owner.scope === scope : owner.host === hostname();
  if (!here) return undefined;
  if (!exists(owner.pid)) return false;
  // The same number may be another process by now.
  const started = startOf(owner.pid);
  if (owner.started === null || started === null) return undefined;
  return owner.started === started;
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function pidScope(): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return null;
  }
}

/** Field 22 of /proc/PID/stat; the second, the command, may hold spaces and parentheses. */
function startOf(pid: number): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    // A zombie has ended.
    return fields[0] === 'Z' ? 'ended' : (fields[19] ?? null);
  } catch {
    return null;
  }
}
