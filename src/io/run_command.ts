import {spawn} from 'node:child_process';

export interface RunOptions {
  cwd?: string;
  /** Added to this process's environment. */
  env?: Record<string, string>;
  /** Milliseconds after which the command and all it started are ended. */
  timeout?: number;
  /** Shows the command's standard output on ours, for its own progress bar. */
  show?: boolean;
}

export interface RunResult {
  /** Whether the command was found and ended with 0. */
  ok: boolean;
  missing: boolean;
  timedOut: boolean;
  stdout: string;
  stderr: string;
}

/**
 * Runs a command without input; never rejects. On Windows `npm` runs in a shell,
 * since it is a batch file there; its arguments must not need quotes.
 */
export function run(
  command: string,
  args: string[],
  {cwd, env, timeout, show = false}: RunOptions = {},
): Promise<RunResult> {
  return new Promise(resolve => {
    const result: RunResult = {
      ok: false,
      missing: false,
      timedOut: false,
      stdout: '',
      stderr: '',
    };
    const child = spawn(command, args, {
      cwd,
      shell: process.platform === 'win32' && command === 'npm',
      env: {...process.env, ...env},
      // Standard output is a report's, so progress goes to standard error.
      stdio: ['ignore', show ? 2 : 'pipe', 'pipe'],
      // Its own group, so that what it started can be ended with it.
      detached: timeout !== undefined && process.platform !== 'win32',
    });
    child.stdout?.on('data', chunk => (result.stdout += chunk));
    child.stderr?.on('data', chunk => (result.stderr += chunk));

    const end = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        child.kill('SIGKILL');
      }
    };
    let timer: NodeJS.Timeout | undefined;
    if (timeout !== undefined) {
      process.once('exit', end);
      timer = setTimeout(() => {
        result.timedOut = true;
        end();
      }, timeout);
    }
    const finish = () => {
      clearTimeout(timer);
      process.removeListener('exit', end);
      resolve(result);
    };
    child.on('error', (error: NodeJS.ErrnoException) => {
      result.missing = error.code === 'ENOENT';
      result.stderr += error.message;
      finish();
    });
    child.on('close', code => {
      result.ok = code === 0;
      finish();
    });
  });
}
