import {existsSync, readFileSync} from 'node:fs';
import {cp, readFile, rm, writeFile} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {delimiter, dirname, join} from 'node:path';
import {makeOnce} from './cache.js';
import {checkTfjsNode, type CheckResult} from './check.js';
import type {TfjsNode} from './package.js';
import type {Progress} from './progress.js';
import {run} from '../io/run_command.js';

const REACH_LIMIT = 5_000;
const INSTALL_LIMIT = 5 * 60_000;
const FOLDERS = ['deps', 'lib'];

/**
 * Tries the binary that the package's own install script downloads, from the
 * cache if it was had before.
 *
 * @returns whether the package works with it.
 */
export async function tryOfficialBinary(
  tfjsNode: TfjsNode,
  cache: string,
  progress: Progress,
): Promise<CheckResult> {
  const {name, version, directory} = tfjsNode;
  const {platform, arch} = process;
  const cached = join(
    cache,
    `official_${name.split('/').at(-1)}-${version}_${platform}-${arch}`,
  );
  if (existsSync(cached)) {
    await takeFolders(cached, directory);
    return checkTfjsNode(tfjsNode);
  }
  if (!(await hostAnswers(directory))) {
    return {works: false, reason: 'its host cannot be reached'};
  }
  progress.say(`Running the install script of ${name} …`);
  const reason = await runInstallScript(directory);
  if (reason) return {works: false, reason};
  const result = await checkTfjsNode(tfjsNode);
  if (result.works) {
    await makeOnce(cached, temporary => takeFolders(directory, temporary));
  }
  return result;
}

/** The script itself may wait for minutes where a firewall drops its packets. */
async function hostAnswers(directory: string): Promise<boolean> {
  const {env} = process;
  const proxy = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'];
  if (proxy.some(name => env[name])) return true; // only the script can tell
  const {binary} = JSON.parse(
    readFileSync(join(directory, 'package.json'), 'utf8'),
  ) as {binary: {host: string}};
  const host =
    env.TFJS_NODE_BASE_URI ||
    env.TFJS_NODE_CDN_STORAGE ||
    env.CDN_STORAGE ||
    binary.host;
  try {
    await fetch(new URL(host).origin, {
      method: 'HEAD',
      redirect: 'manual',
      signal: AbortSignal.timeout(REACH_LIMIT),
    });
    return true;
  } catch {
    return false;
  }
}

/** @returns why it failed, or undefined. */
async function runInstallScript(
  directory: string,
): Promise<string | undefined> {
  const manifest = join(directory, 'package.json');
  // The script writes into the manifest while it runs.
  const original = await readFile(manifest);
  try {
    const {ok, timedOut, stdout, stderr} = await run(
      process.execPath,
      [join('scripts', 'install.js'), ...scriptArguments(directory)],
      {
        cwd: directory,
        timeout: INSTALL_LIMIT,
        env: {PATH: binFolders(directory).join(delimiter)},
      },
    );
    if (timedOut) return 'its install script took more than 5 minutes';
    if (ok) return undefined;
    const lines = `${stdout}\n${stderr}`.trim().split('\n');
    return (
      lines.find(line => /error/i.test(line))?.trim() ??
      'its install script failed'
    );
  } finally {
    await writeFile(manifest, original);
  }
}

function scriptArguments(directory: string): string[] {
  return directory.endsWith('-gpu') ? ['gpu', 'download'] : ['cpu', 'download'];
}

/** Where npm would let the script find node-pre-gyp, and the usual folders. */
function binFolders(directory: string): string[] {
  const require = createRequire(join(directory, 'package.json'));
  const preGyp = require.resolve('@mapbox/node-pre-gyp/package.json');
  return [
    join(dirname(preGyp), 'bin'),
    join(directory, 'node_modules', '.bin'),
    join(dirname(dirname(directory)), '.bin'),
    process.env.PATH ?? '',
  ];
}

async function takeFolders(from: string, to: string): Promise<void> {
  for (const folder of FOLDERS) {
    await rm(join(to, folder), {recursive: true, force: true});
    await cp(join(from, folder), join(to, folder), {
      recursive: true,
      verbatimSymlinks: true,
    });
  }
}
