import * as tf from '@tensorflow/tfjs';

/** How many tensors are left over after `f`, whose result is disposed. */
export function leak(f: () => unknown): number {
  const before = tf.memory().numTensors;
  tf.dispose(f() as tf.TensorContainer);
  return tf.memory().numTensors - before;
}

/** The same of an asynchronous function. */
export async function leakAsync(f: () => Promise<unknown>): Promise<number> {
  const before = tf.memory().numTensors;
  tf.dispose((await f()) as tf.TensorContainer);
  return tf.memory().numTensors - before;
}
