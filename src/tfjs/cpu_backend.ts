import * as tf from '@tensorflow/tfjs';

/**
 * Makes `cpu` the current backend. On its first use in Node it prints advice to
 * install tfjs-node, unless tfjs believes that it runs its own tests.
 */
export async function startCpuQuietly(): Promise<void> {
  const env = tf.env();
  const isTest = env.getBool('IS_TEST');
  env.set('IS_TEST', true);
  try {
    await tf.setBackend('cpu');
    // The first tensor triggers the advice.
    tf.scalar(0).dispose();
  } finally {
    env.set('IS_TEST', isTest);
  }
}
