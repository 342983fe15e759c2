import * as tf from '@tensorflow/tfjs';

/**
 * `tf.tidy` for a result of any type: `tf.tidy` itself accepts no interfaces and
 * no nulls. Tensors in the result, however deep in its objects and arrays, are
 * kept; all others made by `f` are disposed.
 */
export function tidy<T>(f: () => T): T {
  return tf.tidy(f as () => tf.TensorContainer) as T;
}

/** `tf.dispose` for a value of any type: disposes the tensors in it. */
export function dispose(container: unknown): void {
  tf.dispose(container as tf.TensorContainer);
}
