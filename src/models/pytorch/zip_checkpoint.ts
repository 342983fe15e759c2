import {ZipArchive} from '../../io/zip.js';
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
export async function readZipCheckpoint(bytes: Uint8Array): Promise<Value> {
  const archive = await ZipArchive.open(bytes);
  const {entries} = archive;
  const pickles = [...entries.keys()].filter(n => /^[^/]+\/data\.pkl$/.test(n));
  if (pickles.length !== 1) {
    throw new Error('it is a zip file, but not one of PyTorch’s');
  }
  const folder = pickles[0].slice(0, -'data.pkl'.length);
  if (entries.has(`${folder}constants.pkl`)) {
    throw new Error('it is a TorchScript program, not a checkpoint of weights');
  }
  // Weights compress little: a file that expands more is a zip bomb.
  let budget = Math.max(2 ** 24, 4 * bytes.length);
  const read = async (name: string) => {
    const entry = entries.get(folder + name);
    if (!entry) throw new Error(`${folder}${name} is missing in it`);
    budget -= entry.uncompressedSize;
    if (budget < 0) {
      throw new Error(
        `${folder}${name} unpacks to more than such a file can hold`,
      );
    }
    return archive.read(entry);
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
