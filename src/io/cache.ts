import {mkdir, readdir, rename, rm, writeFile} from 'node:fs/promises';
import {homedir} from 'node:os';
import {dirname, join, resolve} from 'node:path';

/**
 * Where files that can be had again are kept: `override`, else the environment
 * variable `TFJS_ADVERSARIAL_CACHE`, else `tfjs-adversarial` in the place that
 * the system has for caches (`XDG_CACHE_HOME`, by default `~/.cache`).
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
 * Writes a file so that it is there whole or not at all: under a temporary
 * name, then renamed.
 *
 * @throws one sentence if there is no room or no permission.
 */
export async function writeWhole(
  file: string,
  data: Uint8Array | string,
): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    await mkdir(dirname(file), {recursive: true});
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
    if (/\.\d+\.tmp$/.test(name)) {
      await rm(join(folder, name), {force: true});
    }
  }
}

/** What went wrong with a file, in one sentence that a user can act on. */
export function fileError(error: unknown, file: string, done: string): Error {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const reasons: Record<string, string> = {
    ENOENT: 'it is not there',
    EACCES: 'permission is denied',
    EPERM: 'permission is denied',
    EROFS: 'the file system is read-only',
    ENOSPC: 'there is no space left on the disk',
    EDQUOT: 'the disk quota is used up',
    EISDIR: 'it is a folder',
    ENOTDIR: 'a part of its path is not a folder',
  };
  const reason = reasons[code] ?? (error as Error).message;
  return new Error(`${file} could not be ${done}: ${reason}.`, {cause: error});
}
