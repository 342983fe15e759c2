import {createHash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {mkdir, readdir, rename, rm, stat, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {pipeline} from 'node:stream/promises';
import {cacheDirectory, fileError} from './cache.js';
import {withLock} from './lock.js';
import {findPython, pipError} from './pip.js';
import {run} from './run_command.js';

/** One file of a package on the Python package index, known by its checksum. */
export interface PypiFile {
  /** Name and version, `lpips==0.1.4`. */
  requirement: string;
  sha256: string;
  /** What is said while it is fetched. */
  size: string;
  /** For a wheel that is made for one version of Python on one platform. */
  platform?: {python: string; name: string};
}

/** Options of everything that is fetched from there. */
export interface PypiOptions {
  /**
   * The folder that keeps the file, in its subfolder `pypi`. Default: the
   * environment variable `TFJS_ADVERSARIAL_CACHE`, else `tfjs-adversarial` in
   * the user's cache folder.
   */
  cache?: string;
  /** One line on standard error while something is fetched. Default true. */
  progress?: boolean;
  /** False: only from the cache. Default true. */
  download?: boolean;
}

/**
 * A package's archive, as a file in the cache, fetched with pip as the machine
 * has it configured. pip compares the checksum before it looks into the archive,
 * and it is compared again at each use. The package is never installed.
 *
 * @returns its path; null if it is not in the cache and `download` is false.
 * @throws one sentence: no pip, no network, no space, another checksum.
 */
export async function fetchPypi(
  wanted: PypiFile,
  {cache, progress = true, download = true}: PypiOptions = {},
): Promise<string | null> {
  const folder = cacheDirectory('pypi', cache);
  const file = join(folder, wanted.requirement.replace('==', '-'));
  if (await isWhole(file, wanted.sha256)) return file;
  if (!download) return null;
  return withLock(join(folder, 'lock'), async () => {
    if (await isWhole(file, wanted.sha256)) return file;
    const temporary = join(folder, 'pip.tmp');
    try {
      await rm(temporary, {recursive: true, force: true});
      await mkdir(temporary, {recursive: true});
      if (progress) {
        console.error(
          `Fetching ${wanted.requirement} (${wanted.size}) with pip …`,
        );
      }
      await rename(await pipDownload(wanted, temporary), file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).syscall) {
        throw fileError(error, file, 'written');
      }
      throw error;
    } finally {
      await rm(temporary, {recursive: true, force: true});
    }
    return file;
  });
}

async function pipDownload(
  {requirement, sha256, platform}: PypiFile,
  folder: string,
): Promise<string> {
  const list = join(folder, 'requirements.txt');
  await writeFile(list, `${requirement} --hash=sha256:${sha256}\n`);
  const target = join(folder, 'files');
  const result = await run(
    await findPython(requirement),
    [
      ...['-m', 'pip', 'download', '--no-deps', '--require-hashes'],
      ...['-r', list, '--dest', target, '--quiet', '--no-input'],
      ...['--no-cache-dir', '--disable-pip-version-check'],
      ...(platform
        ? [
            ...['--only-binary=:all:', '--platform', platform.name],
            ...['--python-version', platform.python],
          ]
        : []),
    ],
    {env: {TMPDIR: folder}},
  );
  if (!result.ok) throw pipError(requirement, result, folder);
  const files = await readdir(target);
  if (
    files.length !== 1 ||
    (await sha256Of(join(target, files[0]))) !== sha256
  ) {
    throw new Error(
      `pip download ${requirement} did not give the file with the SHA-256 ${sha256}.`,
    );
  }
  return join(target, files[0]);
}

async function isWhole(file: string, sha256: string): Promise<boolean> {
  if (!(await stat(file).catch(() => null))) return false;
  return (await sha256Of(file)) === sha256;
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
