import type * as tf from '@tensorflow/tfjs';
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

/** A copy of `values`: the caller may go on to write into what was given. */
export function typedCopy(
  values: ArrayLike<unknown>,
  dtype: tf.DataType,
): Data {
  const result = typed(values, dtype);
  return result === values ? result.slice() : result;
}
