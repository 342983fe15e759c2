import {spawn} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

const PRELOAD = new URL('preload.mjs', import.meta.url).href;

/** When to kill: after some milliseconds, or at a certain one of its writings. */
export interface Kill {
  delay?: number;
  /** A kind of moment, and at which one of its kind, from 1. */
  at?: {kind: string; count: number};
  /** Tells the kinds of all writings. */
  watch?: boolean;
}

/** Runs a command line of this folder, to its end or until it is killed. */
export function start(name: string, args: string[], kill: Kill = {}) {
  const {delay, at, watch} = kill;
  const script = fileURLToPath(new URL(`../${name}.ts`, import.meta.url));
  const out = args.find(arg => arg.startsWith('--out='))!.slice(6);
  const scratch = mkdtempSync(join(tmpdir(), 'tfjs-adversarial-kill-'));
  const log = join(scratch, 'moments');
  const preload = at || watch ? [`--import=${PRELOAD}`] : [];
  const child = spawn(
    process.execPath,
    [
      '--conditions=@tfjs-adversarial/source',
      '--import=tsx',
      ...preload,
      script,
      ...args,
    ],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...process.env,
        KILL_UNDER: out,
        ...(at && {KILL_AT: at.kind, KILL_COUNT: String(at.count)}),
        ...(watch && {KILL_LOG: log}),
      },
    },
  );
  let err = '';
  child.stderr.on('data', chunk => (err += chunk));
  const timer =
    delay === undefined
      ? undefined
      : setTimeout(() => child.kill('SIGKILL'), delay);
  const ended = new Promise<{
    code: number | null;
    killed: boolean;
    err: string;
    moments: string[];
  }>(resolve =>
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const moments = watch
        ? readFileSync(log, 'utf8').trimEnd().split('\n')
        : [];
      rmSync(scratch, {recursive: true, force: true});
      resolve({code, killed: signal === 'SIGKILL', err, moments});
    }),
  );
  return {child, ended};
}
