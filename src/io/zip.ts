import {type Readable, Transform} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import {crc32} from 'node:zlib';
import {fromBufferPromise, openPromise, type Entry, type ZipFile} from 'yauzl';

type Chunks = AsyncIterable<Buffer>;

/**
 * An open zip archive. Errors give the reason as the second half of a sentence
 * (`x is there twice`).
 */
export class ZipArchive {
  private constructor(
    private readonly zip: ZipFile,
    /** All entries, folders included, by their full names. */
    readonly entries: ReadonlyMap<string, Entry>,
  ) {}

  /**
   * Opens an archive and reads the list of its entries.
   *
   * @param source its path, or its bytes.
   * @param strictFileNames refuse names with a backslash, instead of reading it
   *     as a slash. Absolute names and `..` are always refused.
   * @throws Error if it is no archive, or if two entries have the same name or
   *     share bytes.
   */
  static async open(
    source: string | Uint8Array,
    {strictFileNames = false}: {strictFileNames?: boolean} = {},
  ): Promise<ZipArchive> {
    const options = {autoClose: false, strictFileNames};
    const zip =
      typeof source === 'string'
        ? await openPromise(source, options)
        : await fromBufferPromise(
            Buffer.from(source.buffer, source.byteOffset, source.byteLength),
            options,
          );
    try {
      return new ZipArchive(zip, await listEntries(zip));
    } catch (error) {
      zip.close();
      throw error;
    }
  }

  /**
   * Passes the bytes of an entry on to `target`.
   *
   * @param onBytes is given the size of each piece.
   * @throws Error if they differ from the size or the checksum in the archive;
   *     no more than that size is unpacked.
   */
  async pipe(
    entry: Entry,
    target: NodeJS.WritableStream | ((chunks: Chunks) => Promise<void>),
    onBytes: (bytes: number) => void = () => {},
  ): Promise<void> {
    let sum = 0;
    let size = 0;
    const check = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        sum = crc32(chunk, sum);
        size += chunk.length;
        onBytes(chunk.length);
        done(null, chunk);
      },
      flush: done => done(mismatch(entry, size, sum)),
    });
    // yauzl stops as soon as there is more than the size that was given.
    const source: Readable = await this.zip.openReadStreamPromise(entry);
    await pipeline(source, check, target);
  }

  /** The bytes of an entry. @throws Error as {@link pipe} does. */
  async read(entry: Entry): Promise<Buffer> {
    const all: Buffer[] = [];
    await this.pipe(entry, async chunks => {
      for await (const chunk of chunks) all.push(chunk);
    });
    return Buffer.concat(all);
  }

  close(): void {
    this.zip.close();
  }
}

function mismatch(
  {fileName, uncompressedSize, crc32}: Entry,
  size: number,
  sum: number,
): Error | null {
  if (size !== uncompressedSize) {
    return new Error(
      `${fileName} has ${size} bytes, but ${uncompressedSize} are promised`,
    );
  }
  return sum === crc32
    ? null
    : new Error(`the checksum of ${fileName} is wrong`);
}

async function listEntries(zip: ZipFile): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  for await (const entry of zip.eachEntry()) {
    if (entries.has(entry.fileName)) {
      throw new Error(`${entry.fileName} is there twice`);
    }
    entries.set(entry.fileName, entry);
  }
  refuseOverlaps([...entries.values()]);
  return entries;
}

/** Entries that share their bytes can unpack to any multiple of the archive's size. */
function refuseOverlaps(entries: Entry[]): void {
  const begin = (entry: Entry) => entry.relativeOffsetOfLocalHeader;
  entries.sort((a, b) => begin(a) - begin(b));
  for (let i = 1; i < entries.length; i++) {
    const {fileName, fileNameLength, compressedSize} = entries[i - 1];
    // An entry's bytes come after a header of at least 30 bytes and its name.
    const end = begin(entries[i - 1]) + 30 + fileNameLength + compressedSize;
    if (end > begin(entries[i])) {
      throw new Error(`${fileName} and ${entries[i].fileName} overlap`);
    }
  }
}

/**
 * Reads chosen members of a zip file, a wheel for instance, into memory. Nothing
 * is written, so no path in the archive can lead anywhere.
 *
 * @param members the largest size in bytes of each member, by its full name.
 * @throws one sentence: not an archive, truncated, a member too large, missing
 *     or unlike its checksum.
 */
export async function readZipMembers(
  file: string,
  members: Readonly<Record<string, number>>,
): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  try {
    const archive = await ZipArchive.open(file);
    try {
      const names = Object.keys(members);
      const missing = names.filter(name => !archive.entries.has(name));
      if (missing.length > 0) throw new Error(`it lacks ${missing.join(', ')}`);
      for (const name of names) {
        const entry = archive.entries.get(name)!;
        if (entry.uncompressedSize > members[name]) {
          throw new Error(
            `${name} has ${entry.uncompressedSize} bytes, ${members[name]} at most`,
          );
        }
        found.set(name, await archive.read(entry));
      }
    } finally {
      archive.close();
    }
  } catch (error) {
    throw new Error(`${file} cannot be used: ${(error as Error).message}.`, {
      cause: error,
    });
  }
  return found;
}
