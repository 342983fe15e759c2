import {execFile} from 'node:child_process';
import {packageRoot} from './package_root.js';

/** Runs Node in this package's folder or another one, in a process without ava's environment. */
export function runNode(
  args: string[],
  environment: Record<string, string> = {},
  cwd = packageRoot,
): Promise<{status: number; output: string}> {
  const clean = Object.entries(process.env).filter(
    ([name]) => !/^AVA|^NODE_CHANNEL/.test(name),
  );
  return new Promise(resolve => {
    execFile(
      process.execPath,
      args,
      {
        cwd,
        env: {...Object.fromEntries(clean), ...environment},
        maxBuffer: 2 ** 26,
      },
      (error, stdout, stderr) =>
        resolve({
          status: error ? Number(error.code ?? -1) : 0,
          output: stdout + stderr,
        }),
    );
  });
}
