import {crc32} from 'node:zlib';
import yauzl, {type Entry, type ZipFile} from 'yauzl';
import {unpickle, type Value} from './pickle.js';
import {ByteReader, latin1} from './reader.js';
import {storageOf} from './stream.js';
import {globals, type Storage} from './tensors.js';

/** Whether the bytes begin as a zip file does. */
export const isZip = (bytes: Uint8Array) =>
  latin1(bytes.subarray(0, 4)) === 'PK\x03\x04';

/**
 * Reads what `torch.save` writes since PyTorch 1.6: a zip file with a pickle,
 * `<name>/data.pkl`, and a file `<name>/data/<key>` for each storage.
 *
 * @throws why it cannot be read, as the second half of a sentence.
 */
export async function readZip(bytes: Uint8Array): Promise<Value> {
  const {buffer, byteOffset, byteLength} = bytes;
  const zip = await yauzl.fromBufferPromise(
    Buffer.from(buffer, byteOffset, byteLength),
  );
  const entries = await list(zip);
  const pickles = [...entries.keys()].filter(n => /^[^/]+\/data\.pkl$/.test(n));
  if (pickles.length !== 1) {
    throw new Error('it is a zip file, but not one of PyTorch’s');
  }
  const folder = pickles[0].slice(0, -'data.pkl'.length);
  if (entries.has(`${folder}constants.pkl`)) {
    throw new Error('it is a TorchScript program, not a checkpoint of weights');
  }
  // Weights hardly compress: a file that unpacks to more was made to do harm.
  const budget = {bytes: Math.max(2 ** 24, 4 * bytes.length)};
  const read = async (name: string) => {
    const entry = entries.get(folder + name);
    if (!entry) throw new Error(`${folder}${name} is missing in it`);
    return readEntry(zip, entry, budget);
  };
  const order = entries.has(`${folder}byteorder`)
    ? latin1(await read('byteorder'))
    : 'little';
  if (order !== 'little') throw new Error('its numbers are big-endian');
  const storages = new Map<string, Storage>();
  const value = unpickle(new ByteReader(await read('data.pkl')), {
    ...globals,
    persistent: id => storageOf(id, storages),
  });
  for (const [key, storage] of storages) {
    storage.fill(await read(`data/${key}`));
  }
  return value;
}

async function list(zip: ZipFile): Promise<Map<string, Entry>> {
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

/** Files that share their bytes can unpack to any number of times the archive's size. */
function refuseOverlaps(entries: Entry[]): void {
  const begin = (entry: Entry) => entry.relativeOffsetOfLocalHeader;
  entries.sort((a, b) => begin(a) - begin(b));
  for (let i = 1; i < entries.length; i++) {
    const {fileName, fileNameLength, compressedSize} = entries[i - 1];
    // Before its bytes an entry has thirty of its own and its name.
    const end = begin(entries[i - 1]) + 30 + fileNameLength + compressedSize;
    if (end > begin(entries[i])) {
      throw new Error(`${fileName} and ${entries[i].fileName} overlap`);
    }
  }
}

/** One file, its size and checksum compared with what the zip says of it. */
async function readEntry(
  zip: ZipFile,
  entry: Entry,
  budget: {bytes: number},
): Promise<Uint8Array> {
  const {fileName, uncompressedSize} = entry;
  budget.bytes -= uncompressedSize;
  if (budget.bytes < 0) {
    throw new Error(`${fileName} unpacks to more than such a file can hold`);
  }
  const chunks: Buffer[] = [];
  // yauzl stops as soon as there is more than the size that was given.
  for await (const chunk of await zip.openReadStreamPromise(entry)) {
    chunks.push(chunk as Buffer);
  }
  const data = Buffer.concat(chunks);
  if (data.length !== uncompressedSize) {
    throw new Error(
      `${fileName} has ${data.length} bytes, but ${uncompressedSize} are promised`,
    );
  }
  if (crc32(data) !== entry.crc32) {
    throw new Error(`the checksum of ${fileName} is wrong`);
  }
  return data;
}
