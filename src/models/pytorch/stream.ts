import {shown, unpickle, type Value} from './pickle.js';
import {ByteReader} from './reader.js';
import {Storage, globals} from './tensors.js';

/** What `torch.save` began its files with before PyTorch 1.6. */
const MAGIC = 0x1950a86a20f9469cfc6cn;

const nothing = {
  ...globals,
  persistent: (): never => {
    throw new Error('it refers to storages before its header is complete');
  },
};

/** Whether the bytes begin with a pickle of the magic number. */
export function isStream(bytes: Uint8Array): boolean {
  try {
    return unpickle(new ByteReader(bytes), nothing) === MAGIC;
  } catch {
    return false;
  }
}

/**
 * Reads the format that `torch.save` wrote before PyTorch 1.6: pickles of a
 * magic number, a version, facts about the machine, the object and the keys of
 * its storages, and then those storages.
 *
 * @throws why it cannot be read, as the second half of a sentence.
 */
export function readStream(bytes: Uint8Array): Value {
  const input = new ByteReader(bytes);
  unpickle(input, nothing);
  const version = unpickle(input, nothing);
  if (version !== 1001) throw new Error(`its format is ${shown(version)}`);
  const machine = unpickle(input, nothing);
  if (!(machine instanceof Map) || machine.get('little_endian') !== true) {
    throw new Error('its numbers are big-endian');
  }
  const storages = new Map<string, Storage>();
  const value = unpickle(input, {
    ...globals,
    persistent: id => storageOf(id, storages),
  });
  const keys = unpickle(input, nothing);
  if (!Array.isArray(keys)) throw new Error('its list of storages is missing');
  for (const key of keys) {
    const storage = storages.get(shown(key));
    if (!storage) throw new Error(`nothing uses its storage ${shown(key)}`);
    const size = input.size();
    if (size !== storage.size) {
      throw new Error(
        `its storage ${shown(key)} has ${size} numbers and not ${storage.size}`,
      );
    }
    storage.fill(input.take(storage.bytes));
  }
  return value;
}

/**
 * The storage of a persistent id `('storage', type, key, device, size)`, of
 * which the old format has a sixth part for storages inside others.
 */
export function storageOf(id: Value, storages: Map<string, Storage>): Storage {
  const [kind, type, key, , size, view = null] = Array.isArray(id) ? id : [];
  if (kind !== 'storage') {
    throw new Error(`it refers to a ${shown(kind)} outside its pickle`);
  }
  if (view !== null) throw new Error('it has storages inside other storages');
  if (typeof key !== 'string') {
    throw new Error('it has a storage without a name');
  }
  if (!Number.isSafeInteger(size) || (size as number) < 0) {
    throw new Error(`it has a storage of ${shown(size)} numbers`);
  }
  const known = storages.get(key);
  const storage = new Storage(type, size as number);
  if (known) {
    if (known.isLike(storage)) return known;
    throw new Error(`its storage ${key} has two types or sizes`);
  }
  storages.set(key, storage);
  return storage;
}
