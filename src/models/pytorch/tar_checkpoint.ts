import {readTarMembers} from '../../io/tar.js';
import {Global, shown, unpickle, type Meaning, type Value} from './pickle.js';
import {ByteReader, latin1} from './reader.js';
import {Storage, TensorView, globals} from './tensors.js';

/** Whether the bytes begin as a tar archive does. */
export const isTar = (bytes: Uint8Array) =>
  latin1(bytes.subarray(257, 262)) === 'ustar' &&
  // The tar library would decompress these first, whatever their size.
  !COMPRESSED.includes(latin1(bytes.subarray(0, 2)));

/** How gzip and Zstandard begin. */
const COMPRESSED = ['\x1f\x8b', '\x28\xb5'];

/**
 * Reads what the first versions of `torch.save` wrote, before PyTorch 0.1.10:
 * a tar archive of the files `storages`, `tensors` and `pickle`, the last of
 * which refers to tensors by number.
 *
 * @throws why it cannot be read, as the second half of a sentence.
 */
export async function readTarCheckpoint(bytes: Uint8Array): Promise<Value> {
  const files = await unpack(bytes, ['storages', 'tensors', 'pickle']);
  const storages = readStorages(new ByteReader(files.storages));
  const tensors = readTensors(new ByteReader(files.tensors), storages);
  return unpickle(new ByteReader(files.pickle), {
    ...globals,
    persistent: id => known(tensors, id, 'tensor'),
  });
}

/** Classes of tensors are named beside them; what counts is their storage. */
const meaning: Meaning = {
  ...globals,
  global: name =>
    /^torch\.(cuda\.)?\w+Tensor$/.test(name)
      ? new Global(name)
      : globals.global(name),
  persistent: () => {
    throw new Error('it refers to tensors before they are there');
  },
};

function readStorages(input: ByteReader): Map<string, Storage> {
  const storages = new Map<string, Storage>();
  for (let i = readCount(input); i > 0; i--) {
    const [key, , type] = readList(input);
    const storage = new Storage(type, input.size());
    storage.fill(input.take(storage.bytes));
    storages.set(shown(key), storage);
  }
  const views = unpickle(input, meaning);
  if (!Array.isArray(views) || views.length > 0) {
    throw new Error('it has storages inside other storages');
  }
  return storages;
}

function readTensors(
  input: ByteReader,
  storages: Map<string, Storage>,
): Map<string, TensorView> {
  const tensors = new Map<string, TensorView>();
  for (let i = readCount(input); i > 0; i--) {
    const [key, storage] = readList(input);
    const rank = input.size();
    if (rank > 8) throw new Error(`it has a tensor of ${rank} dimensions`);
    const sizes = () => Array.from({length: rank}, () => input.size());
    const [shape, strides] = [sizes(), sizes()];
    const view = new TensorView(
      known(storages, storage, 'storage'),
      input.size(),
      shape,
      strides,
    );
    tensors.set(shown(key), view);
  }
  return tensors;
}

function readCount(input: ByteReader): number {
  const count = unpickle(input, meaning);
  if (typeof count === 'number') return count;
  throw new Error('its pickle does not fit together');
}

function readList(input: ByteReader): Value[] {
  const list = unpickle(input, meaning);
  if (Array.isArray(list)) return list;
  throw new Error('its pickle does not fit together');
}

function known<T>(all: Map<string, T>, id: Value, what: string): T {
  const found = all.get(shown(id));
  if (!found) throw new Error(`its ${what} ${shown(id)} is missing`);
  return found;
}

/** Members of the archive, in memory. */
async function unpack<K extends string>(
  bytes: Uint8Array,
  names: K[],
): Promise<Record<K, Uint8Array>> {
  const files = {} as Record<string, Uint8Array>;
  const limits = Object.fromEntries(names.map(name => [name, bytes.length]));
  await readTarMembers(bytes, limits, (name, data) => {
    files[name] = data;
  });
  const missing = names.find(name => !files[name]);
  if (missing) throw new Error(`it is a tar archive without ${missing}`);
  return files;
}
