import * as tf from '@tensorflow/tfjs-core';
import type {Data} from '../trace/value.js';

/* What tfjs's own kernels object to, in their words. */

interface Typed {
  shape: readonly number[];
  dtype: string;
}

/** What Pack takes: tensors of one shape and dtype. */
export function assertStackable(parts: readonly Typed[]): void {
  const [first] = parts;
  for (const part of parts) {
    tf.util.assertShapesMatch(
      [...first.shape],
      [...part.shape],
      'All tensors passed to stack must have matching shapes',
    );
    tf.util.assert(
      part.dtype === first.dtype,
      () => 'All tensors passed to stack must have matching dtypes',
    );
  }
}

/** That indices whose numbers are known lie within an axis of length `length`. */
export function assertInRange(indices: Data, length: number): void {
  for (const index of indices as Int32Array) {
    tf.util.assert(
      index >= 0 && index < length,
      () => `GatherV2: the index value ${index} is not in [0, ${length - 1}]`,
    );
  }
}
