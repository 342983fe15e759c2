import {execFile, spawn} from 'node:child_process';
import {mkdirSync, mkdtempSync, renameSync, rmSync} from 'node:fs';
import {homedir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';

const run = promisify(execFile);
const windows = process.platform === 'win32';

/**
 * The Python of a virtual environment with TensorBoard, made in the cache at
 * the first call; or, where that cannot be, what is missing.
 */
export async function tensorBoardPython(): Promise<
  {python: string} | {missing: string}
> {
  const cache =
    process.env.TFJS_ADVERSARIAL_CACHE ??
    join(
      process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'),
      'tfjs-adversarial',
    );
  const venv = join(cache, 'tensorboard-venv');
  const pythonOf = (folder: string) =>
    join(folder, windows ? 'Scripts/python.exe' : 'bin/python');
  const works = async () => {
    try {
      await run(pythonOf(venv), ['-c', 'import tensorboard, PIL']);
      return true;
    } catch {
      return false;
    }
  };
  if (await works()) return {python: pythonOf(venv)};

  const system = windows ? 'python' : 'python3';
  try {
    await run(system, ['-c', 'import venv, ensurepip']);
  } catch {
    return {missing: `${system} with venv and pip is not there`};
  }
  let fresh: string | undefined;
  try {
    mkdirSync(cache, {recursive: true});
    fresh = mkdtempSync(join(cache, 'tensorboard-venv-'));
    await run(system, ['-m', 'venv', fresh]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--retries', '1'];
    await run(pythonOf(fresh), [...pip, 'tensorboard>=2.20,<3', 'pillow']);
    // Another process may have been faster; a broken one makes way.
    if (!(await works())) {
      rmSync(venv, {recursive: true, force: true});
      renameSync(fresh, venv);
    }
  } catch (error) {
    const lines = (error as Error).message.trim().split('\n');
    return {missing: `tensorboard cannot be installed: ${lines.at(-1)}`};
  } finally {
    if (fresh) rmSync(fresh, {recursive: true, force: true});
  }
  return {python: pythonOf(venv)};
}

/** What `read_events.py` prints: by run, plugin and tag. */
export type Runs = Record<
  string,
  Record<string, Record<string, Record<string, unknown>>>
>;

export async function readWithTensorBoard(
  python: string,
  logDir: string,
): Promise<Runs> {
  const script = fileURLToPath(
    new URL('../tensorboard/read_events.py', import.meta.url),
  );
  const {stdout} = await run(python, [script, logDir]);
  return JSON.parse(stdout);
}

/** Starts TensorBoard on a free port of this machine. */
export async function startTensorBoard(
  python: string,
  logDir: string,
): Promise<{url: string; stop: () => Promise<void>}> {
  const args = ['-m', 'tensorboard.main', '--logdir', logDir];
  const server = spawn(
    python,
    [...args, '--host', '127.0.0.1', '--port', '0'],
    {stdio: ['ignore', 'pipe', 'pipe']},
  );
  const ended = new Promise<void>(resolve => server.once('exit', resolve));
  let output = '';
  const url = await new Promise<string>((resolve, reject) => {
    const listen = (chunk: Buffer) => {
      output += chunk;
      const address = /http:\/\/127\.0\.0\.1:\d+/.exec(output);
      if (address) resolve(address[0]);
    };
    server.stdout.on('data', listen);
    server.stderr.on('data', listen);
    void ended.then(() => reject(new Error(output)));
  });
  return {
    url,
    async stop() {
      server.kill();
      await ended;
    },
  };
}
