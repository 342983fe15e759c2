import type * as tf from '@tensorflow/tfjs-core';

/** A shape in the form of a tensor, for tfjs's functions that read nothing else of one. */
export function tensorLike({shape}: {shape: readonly number[]}): tf.Tensor {
  return {shape, rank: shape.length} as unknown as tf.Tensor;
}
