import {Global, unpickle, type Value} from './pickle.js';
import {ByteReader} from './reader.js';
import type {CheckpointTensor} from './tensors.js';

/** An array while its pickle is read: made empty, then given its contents. */
class NumpyArray implements CheckpointTensor {
  shape: number[] = [];
  data: CheckpointTensor['data'] = new Float32Array();
}

/** A data type, whose byte order comes second too. */
class NumpyType {
  order = '';
  constructor(readonly name: string) {}
}

const RECONSTRUCT = /^numpy\.(_?core)\.multiarray\._reconstruct$/;
const NAMES = ['numpy.ndarray', 'numpy.dtype'];

/**
 * Reads a pickle of nested dictionaries of NumPy arrays of float32 as data:
 * nothing in it is run, and a name that such arrays do not need is an error.
 *
 * @returns each array by the keys that lead to it, joined by dots.
 * @throws why it cannot be read, as the second half of a sentence.
 */
export function readNumpyPickle(
  bytes: Uint8Array,
): Map<string, CheckpointTensor> {
  const value = unpickle(new ByteReader(bytes), {
    global: name => {
      if (RECONSTRUCT.test(name) || NAMES.includes(name)) {
        return new Global(name);
      }
      throw new Error(
        `it refers to ${name}, which no NumPy array needs; nothing of it was run`,
      );
    },
    reduce: ({name}, args) => {
      if (RECONSTRUCT.test(name)) return new NumpyArray();
      if (name === 'numpy.dtype') return new NumpyType(String(args[0]));
      throw new Error(`it calls ${name}`);
    },
    persistent: () => {
      throw new Error('it refers to something outside');
    },
    build: (object, state) => {
      if (object instanceof NumpyType) setType(object, state);
      else if (object instanceof NumpyArray) setArray(object, state);
      else throw new Error('it sets the state of something unknown');
    },
  });
  const found = new Map<string, CheckpointTensor>();
  collect(value, '', found);
  return found;
}

function setType(type: NumpyType, state: Value): void {
  type.order = String(Array.isArray(state) ? state[1] : '');
}

function setArray(array: NumpyArray, state: Value): void {
  const [version, shape, type, fortran, data] = Array.isArray(state)
    ? state
    : [];
  const valid =
    version === 1 &&
    Array.isArray(shape) &&
    shape.every(n => Number.isSafeInteger(n) && (n as number) >= 0) &&
    type instanceof NumpyType &&
    type.name === 'f4' &&
    type.order === '<' &&
    fortran === false &&
    data instanceof Uint8Array;
  const size = valid ? (shape as number[]).reduce((a, b) => a * b, 4) : NaN;
  if (!valid || data.length !== size) {
    throw new Error(
      'it has an array that is not of float32, little-endian, row by row, with as many numbers as its shape says',
    );
  }
  array.shape = shape as number[];
  // A copy, since it may begin anywhere.
  array.data = new Float32Array(new Uint8Array(data).buffer);
}

function collect(
  value: Value,
  path: string,
  found: Map<string, CheckpointTensor>,
): void {
  if (value instanceof NumpyArray) found.set(path, value);
  if (!(value instanceof Map)) return;
  if (path.split('.').length > 8) throw new Error('it is nested too deeply');
  for (const [key, item] of value) {
    collect(item, path ? `${path}.${String(key)}` : String(key), found);
  }
}
