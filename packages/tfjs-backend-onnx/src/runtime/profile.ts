import {mkdtempSync, readFileSync, readdirSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

/** Where a profiled session writes: a folder of its own. */
export function profileFolder(): string {
  return mkdtempSync(join(tmpdir(), 'onnx-profile-'));
}

export interface ProfileRow {
  /** The tfjs call that the time went to, with its shapes. */
  call: string;
  /** One of the ONNX operators it became. */
  operator: string;
  milliseconds: number;
}

interface Event {
  cat: string;
  name: string;
  /** Start, in microseconds. */
  ts: number;
  /** Length, in microseconds. */
  dur: number;
  args?: {op_name?: string};
}

/** Reads what a session wrote of its last run and removes the folder; slowest calls first. */
export function readProfile(
  folder: string,
  sources: Map<string, string>,
): ProfileRow[] {
  const [file] = readdirSync(folder);
  const events = JSON.parse(
    readFileSync(join(folder, file), 'utf8'),
  ) as Event[];
  rmSync(folder, {recursive: true});
  const rows = new Map<string, ProfileRow>();
  const lastRun = Math.max(
    ...events.filter(e => e.name === 'model_run').map(e => e.ts),
  );
  for (const {cat, name, ts, dur, args} of events) {
    if (cat !== 'Node' || !name.endsWith('_kernel_time')) continue;
    if (ts < lastRun) continue;
    // Fused and inserted nodes carry another name.
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

/** Prints the slowest calls of a run: so many, or a screenful. */
export function printProfile(
  rows: ProfileRow[],
  count: number | boolean,
): void {
  const total = rows.reduce((sum, row) => sum + row.milliseconds, 0);
  const lines = rows
    .slice(0, typeof count === 'number' ? count : 15)
    .map(
      ({call, operator, milliseconds}) =>
        `${milliseconds.toFixed(2).padStart(9)} ms  ${operator}: ${call}`,
    );
  console.log(
    [`onnx backend: ${total.toFixed(2)} ms in operators`, ...lines].join('\n'),
  );
}
