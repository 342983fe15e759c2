import {mkdtempSync, readFileSync, readdirSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

/** A new directory for the profile of one session. */
export function createProfileDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'onnx-profile-'));
}

export interface ProfileRow {
  /** The tfjs call that took the time, with its shapes. */
  call: string;
  /** One of the ONNX operators that the call became. */
  operator: string;
  milliseconds: number;
}

interface Event {
  cat: string;
  name: string;
  /** Start, in microseconds. */
  ts: number;
  /** Duration, in microseconds. */
  dur: number;
  args?: {op_name?: string};
}

/**
 * Reads the profile of a session's last run and removes its directory.
 *
 * @param sources the tfjs call behind each node
 * @returns rows, slowest first
 */
export function readProfile(
  directory: string,
  sources: Map<string, string>,
): ProfileRow[] {
  const [file] = readdirSync(directory);
  const events = JSON.parse(
    readFileSync(join(directory, file), 'utf8'),
  ) as Event[];
  rmSync(directory, {recursive: true});
  const rows = new Map<string, ProfileRow>();
  const lastRun = Math.max(
    ...events.filter(e => e.name === 'model_run').map(e => e.ts),
  );
  for (const {cat, name, ts, dur, args} of events) {
    if (cat !== 'Node' || !name.endsWith('_kernel_time')) continue;
    if (ts < lastRun) continue;
    // Nodes that ONNX Runtime fused or inserted have other names.
    const id = /^n\d+/.exec(name)?.[0] ?? '';
    const operator = args?.op_name ?? '?';
    const call = sources.get(id) ?? "ONNX Runtime's own";
    const key = `${operator} ${call}`;
    const row = rows.get(key) ?? {call, operator, milliseconds: 0};
    row.milliseconds += dur / 1000;
    rows.set(key, row);
  }
  return [...rows.values()].sort((a, b) => b.milliseconds - a.milliseconds);
}

/** Rows printed if `count` is not a number. */
const DEFAULT_ROWS = 15;

/** Prints the first `count` rows and the total of all. */
export function printProfile(
  rows: ProfileRow[],
  count: number | boolean,
): void {
  const total = rows.reduce((sum, row) => sum + row.milliseconds, 0);
  const lines = rows
    .slice(0, typeof count === 'number' ? count : DEFAULT_ROWS)
    .map(
      ({call, operator, milliseconds}) =>
        `${milliseconds.toFixed(2).padStart(9)} ms  ${operator}: ${call}`,
    );
  console.log(
    [`onnx backend: ${total.toFixed(2)} ms in operators`, ...lines].join('\n'),
  );
}
