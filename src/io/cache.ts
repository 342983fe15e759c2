import {
  mkdir,
  open,
  readdir,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import {homedir} from 'node:os';
import {dirname, join, resolve} from 'node:path';

/**
 * The folder for files that can be downloaded again: `override`, else the environment
 * variable `TFJS_ADVERSARIAL_CACHE`, else `tfjs-adversarial` in the
 * system's cache folder (`XDG_CACHE_HOME`, by default `~/.cache`).
 *
 * @param name the folder inside it, for instance of one data set.
 */
export function cacheDirectory(name: string, override?: string): string {
  const {env} = process;
  const root = override || env.TFJS_ADVERSARIAL_CACHE;
  return root ? resolve(root, name) : join(systemCache(), name);
}

function systemCache(): string {
  const {env, platform} = process;
  const folder = 'tfjs-adversarial';
  if (env.XDG_CACHE_HOME) return join(env.XDG_CACHE_HOME, folder);
  if (platform === 'win32' && env.LOCALAPPDATA) {
    return join(env.LOCALAPPDATA, folder, 'Cache');
  }
  if (platform === 'darwin') {
    return join(homedir(), 'Library', 'Caches', folder);
  }
  return join(homedir(), '.cache', folder);
}

/**
 * Makes a folder and its parents.
 *
 * @throws one sentence if there is no permission, the file system is read-only
 *     or a part of the path is a file.
 */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, {recursive: true});
  } catch (error) {
    throw fileError(await causeOf(error, folder), folder, 'created');
  }
}

/** On a read-only file system, Node's recursive mkdir reports ENOENT: the first missing folder alone gives the cause. */
async function causeOf(error: unknown, folder: string): Promise<unknown> {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return error;
  let missing = resolve(folder);
  for (;;) {
    const parent = dirname(missing);
    if (parent === missing || (await stat(parent).catch(() => null))) break;
    missing = parent;
  }
  return mkdir(missing).then(
    () => error,
    cause => cause,
  );
}

/**
 * Checks before the work that a file can be written after it. Makes its folder.
 *
 * @throws one sentence if it cannot.
 */
export async function checkWritable(file: string): Promise<void> {
  const found = await stat(file).catch(() => null);
  if (found && !found.isFile()) {
    throw new Error(
      `${file} could not be written: it is ${found.isDirectory() ? 'a folder' : 'no regular file'}.`,
    );
  }
  const temporary = `${file}.${process.pid}.tmp`;
  await makeFolder(dirname(resolve(file)));
  try {
    await writeFile(temporary, '');
    await rm(temporary);
  } catch (error) {
    throw fileError(error, file, 'written');
  }
}

/**
 * Makes a folder and checks that files can be written in it.
 *
 * @throws one sentence if they cannot.
 */
export async function checkFolder(folder: string): Promise<void> {
  await checkWritable(join(folder, 'writable'));
}

/**
 * Reads a regular file: reading a pipe or a device might never end.
 *
 * @param maxBytes larger files are refused before they are read.
 * @throws one sentence if it does not exist, is no regular file or is too large.
 */
export async function readRegularFile(
  file: string,
  maxBytes = Infinity,
): Promise<Buffer> {
  try {
    const found = await stat(file);
    if (found.isDirectory()) throw new Error('it is a folder');
    if (!found.isFile()) throw new Error('it is no regular file');
    if (found.size > maxBytes) {
      throw new Error(
        `it has ${found.size} bytes, and at most ${maxBytes} are read`,
      );
    }
    const handle = await open(file, 'r');
    try {
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw fileError(error, file, 'read');
  }
}

/**
 * Writes a file whole or not at all: under a temporary name, then renamed.
 *
 * @throws one sentence if there is no space or no permission.
 */
export async function writeWhole(
  file: string,
  data: Uint8Array | string,
): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  await makeFolder(dirname(resolve(file)));
  try {
    await writeFile(temporary, data);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, {force: true}).catch(() => {});
    throw fileError(error, file, 'written');
  }
}

/** Removes what a killed process left of {@link writeWhole} in a folder. */
export async function removeTemporary(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (/\.\d+(\.[\da-f-]{36})?\.tmp$/.test(name)) {
      await rm(join(folder, name), {force: true});
    }
  }
}

/** Why a file could not be read or written, in one sentence that a user can act on. */
export function fileError(error: unknown, file: string, done: string): Error {
  return new Error(`${file} could not be ${done}: ${fileReason(error)}.`, {
    cause: error,
  });
}

/** Why a file could not be read or written, in words for the usual codes. */
export function fileReason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const reasons: Record<string, string> = {
    ENOENT: 'no such file or folder',
    EACCES: 'permission is denied',
    EPERM: 'permission is denied',
    EROFS: 'the file system is read-only',
    ENOSPC: 'there is no space left on the disk',
    EDQUOT: 'the disk quota is used up',
    EISDIR: 'it is a folder',
    ENOTDIR: 'a part of its path is not a folder',
    EEXIST: 'a part of its path is not a folder',
    ENAMETOOLONG: 'its name is too long',
    ELOOP: 'its links lead in a circle',
  };
  return reasons[code] ?? (error as Error).message;
}
