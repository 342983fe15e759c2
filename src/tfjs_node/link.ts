import {cp, lstat, mkdir, readdir, rename, rm, symlink} from 'node:fs/promises';
import {dirname, join} from 'node:path';

/** Makes `path` a link to `target`, or a copy of it where links cannot be made. */
export async function linkOrCopy(target: string, path: string): Promise<void> {
  await mkdir(dirname(path), {recursive: true});
  const temporary = `${path}.partial`;
  await rm(temporary, {recursive: true, force: true});
  try {
    await symlink(target, temporary);
  } catch {
    await cp(target, temporary, {recursive: true});
  }
  // A folder cannot be replaced by renaming, and a link to one is not a folder.
  const old = await lstat(path).catch(() => undefined);
  if (old?.isDirectory()) await rm(path, {recursive: true});
  await rename(temporary, path);
}

/**
 * Makes the folder `path` with links to all files of `target`, in real
 * subfolders: libraries find each other by `..`, which would leave a link.
 */
export async function linkTree(target: string, path: string): Promise<void> {
  await mkdir(path, {recursive: true});
  for (const entry of await readdir(target, {withFileTypes: true})) {
    const link = entry.isDirectory() ? linkTree : linkOrCopy;
    await link(join(target, entry.name), join(path, entry.name));
  }
}

/** Puts TensorFlow's libraries where a compiled binding looks for them. */
export async function linkLibraries(
  packageDirectory: string,
  tensorflow: string,
  libraries: readonly string[],
): Promise<void> {
  for (const library of libraries) {
    await linkOrCopy(
      join(tensorflow, 'tensorflow', library),
      join(packageDirectory, 'deps', 'lib', library),
    );
  }
}
