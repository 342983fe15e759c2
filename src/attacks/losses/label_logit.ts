import * as tf from '@tensorflow/tfjs';

/**
 * The entry of each row that its one-hot label marks: [N]. Selected rather than
 * multiplied, so that infinite entries elsewhere do no harm.
 */
export function labelLogit(
  rows: tf.Tensor2D,
  labels: tf.Tensor2D,
): tf.Tensor1D {
  const marked = tf.greater(labels, 0);
  return tf.sum(tf.where(marked, rows, tf.zerosLike(rows)), 1) as tf.Tensor1D;
}

/** The largest entry of each row among those that the label does not mark: [N]. */
export function largestOther(
  rows: tf.Tensor2D,
  labels: tf.Tensor2D,
): tf.Tensor1D {
  const marked = tf.greater(labels, 0);
  const others = tf.where(marked, tf.fill(rows.shape, -Infinity), rows);
  return tf.max(others, 1) as tf.Tensor1D;
}
