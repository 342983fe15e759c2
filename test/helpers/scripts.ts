import {spawn} from 'node:child_process';
import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {nodeArguments} from './node_arguments.js';

export interface Ended {
  code: number | null;
  out: string;
  err: string;
}

/** Starts a script of `scripts` in a process of its own. */
export function runScript(
  name: string,
  args: string[],
  env: Record<string, string> = {},
) {
  const child = spawn(
    process.execPath,
    [...nodeArguments(join('scripts', name)), ...args],
    {stdio: ['ignore', 'pipe', 'pipe'], env: {...process.env, ...env}},
  );
  const said = {out: '', err: ''};
  child.stdout.on('data', chunk => (said.out += chunk));
  child.stderr.on('data', chunk => (said.err += chunk));
  const ended = new Promise<Ended>(resolve =>
    child.on('close', code => resolve({code, ...said})),
  );
  return {child, said, ended};
}

/** The reports of table1. */
export function reports(folder: string): Promise<string[]> {
  return Promise.all(
    ['table1.md', 'table1.json', 'table1.html'].map(name =>
      readFile(join(folder, name), 'utf8'),
    ),
  );
}
