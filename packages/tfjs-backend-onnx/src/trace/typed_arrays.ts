import type * as tf from '@tensorflow/tfjs-core';
import type {Data} from './value.js';

const arrays = {
  float32: Float32Array,
  int32: Int32Array,
  bool: Uint8Array,
};

/** `values` as the typed array of its dtype; string data stays a list of bytes. */
export function typed(values: ArrayLike<unknown>, dtype: tf.DataType): Data {
  if (dtype === 'string') return values as Uint8Array[];
  const ArrayType = arrays[dtype as keyof typeof arrays];
  return values instanceof ArrayType
    ? values
    : ArrayType.from(values as ArrayLike<number>);
}

/** Beyond so many sizes the shared arrays are forgotten. */
const SHARED = 64;
const shared = new Map<string, Data>();

/**
 * The one array of so many zeros or ones that all such tensors share, if
 * `data` is one: gradients of means write large ones at each step.
 */
export function sharedUniform(
  data: Data,
  dtype: tf.DataType,
): {data: Data; uniform: number} | undefined {
  const [first] = data;
  if (first !== 0 && first !== 1) return undefined;
  // A look at a few places spares most other data the rest.
  const step = Math.max(1, Math.floor(data.length / 64));
  for (let i = data.length - 1; i > 0; i -= step) {
    if (data[i] !== first) return undefined;
  }
  const all = uniformArray(first, data.length, dtype);
  if (data.length === 1) return {data: all, uniform: first};
  // Comparing memory is many times faster than a loop.
  return Buffer.compare(bytes(data), bytes(all)) === 0
    ? {data: all, uniform: first}
    : undefined;
}

function uniformArray(value: number, length: number, dtype: tf.DataType): Data {
  const key = `${dtype} ${length} ${value}`;
  let array = shared.get(key);
  if (!array) {
    const ArrayType = arrays[dtype as keyof typeof arrays];
    array = new ArrayType(length).fill(value);
    if (shared.size >= SHARED) shared.clear();
    shared.set(key, array);
  }
  return array;
}

function bytes(data: Data): Uint8Array {
  const {buffer, byteOffset, byteLength} = data as Float32Array;
  return new Uint8Array(buffer, byteOffset, byteLength);
}
