import type * as tf from '@tensorflow/tfjs';
import type {Tensor as OrtTensor} from 'onnxruntime-node';
import type {Signature} from './signature.js';

export type Data = tf.backend_util.TypedArray | Uint8Array[];

/**
 * What a tfjs data id stands for: data that is there (`data`), or the result
 * of a recorded call that has not run yet (`call`).
 */
export interface Value {
  readonly shape: number[];
  readonly dtype: tf.DataType;
  /** tfjs tensors on this data id; at 0 nobody can read it any more. */
  references: number;
  data?: Data;
  call?: Call;
  /** Set where the value could not be computed; reading it throws this. */
  error?: Error;
  /** A complex64 value is a pair. */
  parts?: {real: Value; imag: Value};
  /** For a number written by the program itself: the run it was written before. */
  literalOf?: number;
  /** `data` as ONNX Runtime takes it. */
  feed?: OrtTensor;
  /** Scratch space of structure.ts: number in the structure last built. */
  mark: number;
  position: number;
}

/** One recorded kernel call. */
export interface Call {
  readonly signature: Signature;
  readonly inputs: Value[];
  readonly outputs: Value[];
}

export function pendingValue(
  shape: readonly number[],
  dtype: tf.DataType,
): Value {
  return {
    shape: [...shape],
    dtype,
    references: 1,
    mark: -1,
    position: -1,
  };
}

export function isPending(value: Value): boolean {
  return value.call !== undefined;
}

/** Turns a pending value into one whose data is there. */
export function settle(value: Value, data: Data | undefined): void {
  value.data = data;
  value.call = undefined;
}

/** Lets go of the calls behind a value that cannot be computed. */
export function fail(value: Value, error: Error): void {
  value.error = error;
  value.call = undefined;
}

/** A value whose data is there. */
export function readyValue(
  data: Data | undefined,
  shape: readonly number[],
  dtype: tf.DataType,
): Value {
  return {...pendingValue(shape, dtype), data};
}
