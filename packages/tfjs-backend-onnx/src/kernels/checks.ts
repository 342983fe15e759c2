import * as tf from '@tensorflow/tfjs-core';

/* The checks of tfjs's own kernels, with the same messages. */

interface Shaped {
  shape: readonly number[];
  dtype: string;
}

/** Checks that Pack's inputs have one shape and one dtype. */
export function assertStackable(parts: readonly Shaped[]): void {
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

/** Checks that indices into an axis of this length are in range. */
export function assertInRange(indices: Int32Array, length: number): void {
  for (const index of indices) {
    tf.util.assert(
      index >= 0 && index < length,
      () => `GatherV2: the index value ${index} is not in [0, ${length - 1}]`,
    );
  }
}
