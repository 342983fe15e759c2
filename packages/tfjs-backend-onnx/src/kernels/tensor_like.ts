import type * as tf from '@tensorflow/tfjs-core';
import type {IrValue} from '../graph/graph.js';

/** A value in the form that tfjs's shape functions take; only shape, rank and dtype may be read. */
export function tensorLike({shape, dtype}: IrValue): tf.Tensor {
  return {shape, rank: shape.length, dtype} as unknown as tf.Tensor;
}
