import {createWriteStream} from 'node:fs';
import {mkdir} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {Transform} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import {crc32} from 'node:zlib';
import {openPromise, type Entry, type ZipFile} from 'yauzl';

/** A zip file that is cut off or changed. */
export class DamagedZip extends Error {
  override name = 'DamagedZip';
}

/**
 * Writes those files of an archive into `folder` that `wanted` accepts, each
 * compared with its checksum. Names that would leave the folder are refused.
 *
 * @param onStart is given the sum of their sizes in bytes, and returns what is
 *     told of each piece written.
 * @throws DamagedZip
 */
export async function extractZip(
  file: string,
  folder: string,
  wanted: (name: string) => boolean,
  onStart: (bytes: number) => (bytes: number) => void = () => () => {},
): Promise<void> {
  try {
    const zip = await openPromise(file, {
      autoClose: false,
      strictFileNames: true,
    });
    try {
      await extractOpened(zip, folder, wanted, onStart);
    } finally {
      zip.close();
    }
  } catch (error) {
    const {syscall, message} = error as NodeJS.ErrnoException;
    if (syscall) throw error; // a full disk and the like: not the archive's fault
    throw new DamagedZip(`${file} is damaged: ${message}`, {cause: error});
  }
}

async function extractOpened(
  zip: ZipFile,
  folder: string,
  wanted: (name: string) => boolean,
  onStart: (bytes: number) => (bytes: number) => void,
): Promise<void> {
  const entries: Entry[] = [];
  for await (const entry of zip.eachEntry()) {
    const {fileName} = entry;
    if (!fileName.endsWith('/') && wanted(fileName)) entries.push(entry);
  }
  const onBytes = onStart(
    entries.reduce((sum, {uncompressedSize}) => sum + uncompressedSize, 0),
  );
  for (const entry of entries) {
    const target = join(folder, entry.fileName);
    await mkdir(dirname(target), {recursive: true});
    await extractEntry(zip, entry, target, onBytes);
  }
}

async function extractEntry(
  zip: ZipFile,
  entry: Entry,
  target: string,
  onBytes: (bytes: number) => void,
): Promise<void> {
  let sum = 0;
  const check = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sum = crc32(chunk, sum);
      onBytes(chunk.length);
      done(null, chunk);
    },
  });
  const source = await zip.openReadStreamPromise(entry);
  const executable = (entry.externalFileAttributes >>> 16) & 0o111;
  const mode = executable ? 0o755 : 0o644;
  await pipeline(source, check, createWriteStream(target, {mode}));
  if (sum !== entry.crc32) {
    throw new Error(`${entry.fileName} differs from its checksum`);
  }
}
