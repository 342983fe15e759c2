// Runs the commands of the build and of the package check.
import {spawnSync} from 'node:child_process';
import {dirname} from 'node:path';
import {fileURLToPath} from 'node:url';

/** This repository. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * Runs a command to its end.
 *
 * @returns its standard output and standard error.
 * @throws an error with both, if the command fails.
 */
export function run(command, args, cwd = root) {
  const {status, stdout, stderr, error} = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 10 * 60_000,
    maxBuffer: 2 ** 26,
    // npm is a batch file on Windows, which only a shell can start.
    shell: process.platform === 'win32' && /^np[mx]$/.test(command),
  });
  if (error || status !== 0) {
    throw new Error(
      `${command} ${args.join(' ')}: ${error?.message ?? `exit code ${status}`}\n${stdout}\n${stderr}`,
    );
  }
  return {stdout, stderr};
}
