import {cp, lstat, mkdir, rename, rm, symlink} from 'node:fs/promises';
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
