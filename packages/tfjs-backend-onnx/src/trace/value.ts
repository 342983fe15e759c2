import type * as tf from '@tensorflow/tfjs-core';
import type {Tensor as OrtTensor} from 'onnxruntime-node';
import type {Signature} from './signature.js';
import type {KnownSpec} from './spec.js';

export type Data = tf.backend_util.TypedArray | Uint8Array[];

/**
 * What a tfjs data id stands for: data that is there (`data`), or the result
 * of a recorded call that has not run yet (`call`). Thousands are made in a
 * step; with every field there from the start they all have one form.
 */
export class Value {
  /** Whether tfjs knows it, by itself as the data id. */
  stored = false;
  /** tfjs tensors on this data id; at 0 nobody can read it any more. */
  references = 1;
  /** Inputs of recorded calls, not run yet, that are this value. */
  uses = 0;
  call: Call | undefined = undefined;
  /** Set where the value could not be computed; reading it throws this. */
  error: Error | undefined = undefined;
  /** A complex64 value is a pair. */
  parts: {real: Value; imag: Value} | undefined = undefined;
  /** The number that a tensor written by the program itself has in every place. */
  uniform: number | undefined = undefined;
  /** The run before which it was written. */
  writtenBefore = -1;
  /** `data` as ONNX Runtime takes it. */
  feed: OrtTensor | undefined = undefined;
  /** What tfjs's engine notes of it (engine-info.ts). */
  info: unknown = undefined;
  /** Whether `data` is its own and nothing else's, so that it can be freed with it. */
  sole = false;
  /** Whether `data` came out of a run, whose next turn needs as much again. */
  ofRun = false;
  /** Scratch space of structure.ts: number in the structure last built. */
  mark = -1;
  position = -1;

  constructor(
    readonly shape: number[],
    readonly dtype: tf.DataType,
    public data: Data | undefined,
    /** Number of its shape and dtype (spec.ts); -1 while nobody asked. */
    public spec: number,
  ) {}
}

/** One recorded kernel call. */
export interface Call {
  readonly signature: Signature;
  readonly inputs: Value[];
  readonly outputs: Value[];
}

/** A value that is still to be computed. It shares `shape` with its signature. */
export function pendingValue({shape, dtype, id}: KnownSpec): Value {
  return new Value(shape as number[], dtype, undefined, id);
}

/** Turns a pending value into one whose data is there. */
export function settle(
  value: Value,
  data: Data | undefined,
  sole = false,
): void {
  value.data = data;
  value.sole = value.ofRun = sole;
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
  return new Value([...shape], dtype, data, -1);
}
