import * as tf from '@tensorflow/tfjs';

/**
 * Adds up numbers [M], or rows [M, C], that have the same index: [size] or
 * [size, C].
 */
export function sumByIndex<T extends tf.Tensor>(
  values: T,
  indices: tf.Tensor1D,
  size: number,
): T {
  // wasm has no UnsortedSegmentSum and that of cpu goes through all values once
  // for each index, but they add up what ScatterNd puts on one spot.
  const backend = tf.getBackend();
  return backend !== 'cpu' && tf.getKernel('UnsortedSegmentSum', backend)
    ? (tf.unsortedSegmentSum(values, indices, size) as T)
    : (tf.scatterND(tf.reshape(indices, [-1, 1]), values, [
        size,
        ...values.shape.slice(1),
      ]) as T);
}

/** `values` at flat indices; tf.gather on tfjs-node checks every index in JavaScript. */
export function gatherFlat(values: tf.Tensor, indices: tf.Tensor1D): tf.Tensor {
  return tf.gatherND(values, tf.reshape(indices, [-1, 1]));
}
