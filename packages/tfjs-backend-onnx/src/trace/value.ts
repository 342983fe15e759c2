import type * as tf from '@tensorflow/tfjs-core';
import type {Tensor as OrtTensor} from 'onnxruntime-node';
import type {Signature} from './signature.js';
import type {NumberedSpec} from './spec.js';

export type Data = tf.backend_util.TypedArray | Uint8Array[];

/**
 * What a tfjs data id stands for: data that is there (`data`), or the result of
 * a recorded call that has not run yet (`call`). A step creates thousands of
 * these; every field is declared up front so that they share one hidden class.
 */
export class Value {
  /** Whether tfjs holds it, with the value itself as the data id. */
  stored = false;
  /** tfjs tensors on this data id; at 0 it can no longer be read. */
  references = 1;
  /** How many inputs of recorded calls that have not run are this value. */
  uses = 0;
  call: Call | undefined = undefined;
  /** Set if the value could not be computed; reading it throws this. */
  error: Error | undefined = undefined;
  /** A complex64 value is a pair. */
  parts: {real: Value; imag: Value} | undefined = undefined;
  /** The one number in every element, if the program wrote a constant tensor of 0s or 1s. */
  uniform: number | undefined = undefined;
  /** The run before which the program wrote it; -1 if it did not. */
  writtenBefore = -1;
  /** `data` as ONNX Runtime takes it. */
  feed: OrtTensor | undefined = undefined;
  /** The engine's info on this data id (tfjs/tensor_info_table.ts). */
  info: unknown = undefined;
  /** Whether nothing else uses the memory of `data`, so that it can be freed with this value. */
  exclusive = false;
  /** Whether `data` is the result of a run; the next run of the same program needs a buffer of that size. */
  fromRun = false;
  /** Scratch space of trace.ts: which trace last numbered this value, and its number there. */
  mark = -1;
  position = -1;

  constructor(
    readonly shape: number[],
    readonly dtype: tf.DataType,
    public data: Data | undefined,
    /** Number of its shape and dtype (spec.ts); -1 until it is needed. */
    public specNumber: number,
  ) {}
}

/** One recorded kernel call. */
export interface Call {
  readonly signature: Signature;
  readonly inputs: Value[];
  readonly outputs: Value[];
}

/** A value that has not been computed. It shares `shape` with its signature. */
export function pendingValue({shape, dtype, number}: NumberedSpec): Value {
  return new Value(shape as number[], dtype, undefined, number);
}

/**
 * Gives a pending value its data.
 *
 * @param exclusive whether the data is the result of a run that only this value uses
 */
export function settle(
  value: Value,
  data: Data | undefined,
  exclusive = false,
): void {
  value.data = data;
  value.exclusive = value.fromRun = exclusive;
  value.call = undefined;
}

/** Marks a value as failed and releases the calls behind it. */
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
  return new Value([...shape], dtype, data, -1);
}
