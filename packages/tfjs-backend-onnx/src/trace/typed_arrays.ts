import type * as tf from '@tensorflow/tfjs-core';
import type {Data} from './value.js';

const arrays = {
  float32: Float32Array,
  int32: Int32Array,
  bool: Uint8Array,
};

/** `values` as the typed array of its dtype; strings stay a list of byte arrays. */
export function toTypedArray(
  values: ArrayLike<unknown>,
  dtype: tf.DataType,
): Data {
  if (dtype === 'string') return values as Uint8Array[];
  const ArrayType = arrays[dtype as keyof typeof arrays];
  return values instanceof ArrayType
    ? values
    : ArrayType.from(values as ArrayLike<number>);
}

/** Largest number of shared arrays; beyond it all are dropped. */
const LIMIT = 64;
const shared = new Map<string, Data>();

/**
 * The array that all tensors of zeros, or of ones, of one size share, if `data`
 * is such a tensor: gradients of means write large ones at each step.
 */
export function sharedUniform(
  data: Data,
  dtype: tf.DataType,
): {data: Data; uniform: number} | undefined {
  const [first] = data;
  if (first !== 0 && first !== 1) return undefined;
  // Sampling a few elements rules out most other data cheaply.
  const step = Math.max(1, Math.floor(data.length / 64));
  for (let i = data.length - 1; i > 0; i -= step) {
    if (data[i] !== first) return undefined;
  }
  const all = uniformArray(first, data.length, dtype);
  if (data.length === 1) return {data: all, uniform: first};
  // Comparing memory is much faster than a loop.
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
    if (shared.size >= LIMIT) shared.clear();
    shared.set(key, array);
  }
  return array;
}

function bytes(data: Data): Uint8Array {
  const {buffer, byteOffset, byteLength} = data as Float32Array;
  return new Uint8Array(buffer, byteOffset, byteLength);
}
