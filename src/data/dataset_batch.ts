import type * as tf from '@tensorflow/tfjs';

/** What a batched dataset for `fitDataset` gives. */
export interface DatasetBatch {
  /** Images, [N, H, W, C] in [0, 1]. */
  xs: tf.Tensor4D;
  /** Class indices [N] or one-hot labels [N, classes]. */
  ys: tf.Tensor1D | tf.Tensor2D;
}
