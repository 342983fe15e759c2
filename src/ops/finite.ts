import * as tf from '@tensorflow/tfjs';

/** Squares and sums of squares of larger numbers would not be finite in float32. */
const LARGEST = 1e15;

/** `t` with 0 in place of NaN and ±Infinity, and larger numbers than 1e15 clipped to that. */
export function withoutNonFinite<T extends tf.Tensor>(t: T): T {
  return tf.tidy(() =>
    tf.clipByValue(
      tf.where(tf.isFinite(t), t, tf.zerosLike(t)),
      -LARGEST,
      LARGEST,
    ),
  ) as T;
}

/** Which entries along the first axis hold a NaN or ±Infinity: bool [N]. */
export function hasNonFinite(t: tf.Tensor): tf.Tensor1D {
  return tf.tidy(() =>
    tf.logicalNot(tf.all(tf.isFinite(tf.reshape(t, [t.shape[0], -1])), 1)),
  ) as tf.Tensor1D;
}

/** `a` where the condition [N] holds for an entry, else `b`. */
export function whereExample<T extends tf.Tensor>(
  condition: tf.Tensor1D,
  a: T,
  b: T,
): T {
  return tf.tidy(() => {
    const shape = [condition.shape[0], ...new Array(a.rank - 1).fill(1)];
    const spread = tf.broadcastTo(tf.reshape(condition, shape), a.shape);
    return tf.where(spread, a, b);
  }) as T;
}
