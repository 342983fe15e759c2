// An empty project of a user, and what is done in it.
import {spawnSync} from 'node:child_process';
import {mkdtempSync, readFileSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

/** This repository. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** The project's folder. */
export const project = mkdtempSync(join(tmpdir(), 'tfjs-adversarial-package-'));

const windows = process.platform === 'win32';

/** Of a package that is installed in this repository. */
export function versionOf(name) {
  const file = join(root, 'node_modules', name, 'package.json');
  return JSON.parse(readFileSync(file, 'utf8')).version;
}

/** Runs a command; its output if it succeeds, an error that holds it if not. */
export function run(command, args, cwd = project) {
  const {status, stdout, stderr, error} = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 10 * 60_000,
    maxBuffer: 2 ** 26,
    shell: windows,
  });
  if (error || status !== 0) {
    throw new Error(
      `${command} ${args.join(' ')}: ${error?.message ?? `exit code ${status}`}\n${stdout}\n${stderr}`,
    );
  }
  return stdout;
}

/** npm install. */
export function install(...words) {
  const quiet = ['--no-fund', '--no-audit', '--prefer-offline'];
  run('npm', ['install', ...quiet, ...words]);
}

/** Writes a file of the project. */
export const write = (name, text) => writeFileSync(join(project, name), text);

/** Compiles files of the project, as strictly as TypeScript can. */
export function typescript(files) {
  write(
    'tsconfig.json',
    JSON.stringify({
      compilerOptions: {
        module: 'NodeNext',
        target: 'ES2022',
        strict: true,
        skipLibCheck: true,
        noEmit: true,
        types: [],
      },
      files,
    }),
  );
  run('node', [join(root, 'node_modules/typescript/bin/tsc'), '-p', project]);
}
