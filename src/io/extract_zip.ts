import {createWriteStream} from 'node:fs';
import {mkdir} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {ZipArchive} from './zip.js';

/** A zip file that is truncated, changed or hostile. */
export class DamagedZip extends Error {
  override name = 'DamagedZip';
}

/**
 * Writes those files of an archive into `folder` that `wanted` accepts, each
 * compared with its checksum. Names that would leave the folder are refused.
 *
 * @param onStart is given the sum of their sizes in bytes, and returns a
 *     function that is given the size of each piece written.
 * @throws DamagedZip
 */
export async function extractZip(
  file: string,
  folder: string,
  wanted: (name: string) => boolean,
  onStart: (bytes: number) => (bytes: number) => void = () => () => {},
): Promise<void> {
  try {
    const archive = await ZipArchive.open(file, {strictFileNames: true});
    try {
      await extractOpened(archive, folder, wanted, onStart);
    } finally {
      archive.close();
    }
  } catch (error) {
    const {syscall, message} = error as NodeJS.ErrnoException;
    if (syscall) throw error; // a full disk and the like: not the archive's fault
    throw new DamagedZip(`${file} is damaged: ${message}`, {cause: error});
  }
}

async function extractOpened(
  archive: ZipArchive,
  folder: string,
  wanted: (name: string) => boolean,
  onStart: (bytes: number) => (bytes: number) => void,
): Promise<void> {
  const entries = [...archive.entries.values()].filter(
    ({fileName}) => !fileName.endsWith('/') && wanted(fileName),
  );
  const onBytes = onStart(
    entries.reduce((sum, {uncompressedSize}) => sum + uncompressedSize, 0),
  );
  for (const entry of entries) {
    const target = join(folder, entry.fileName);
    await mkdir(dirname(target), {recursive: true});
    const executable = (entry.externalFileAttributes >>> 16) & 0o111;
    const mode = executable ? 0o755 : 0o644;
    await archive.pipe(entry, createWriteStream(target, {mode}), onBytes);
  }
}
