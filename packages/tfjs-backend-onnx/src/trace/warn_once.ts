import * as tf from '@tensorflow/tfjs-core';

const printed = new Set<string>();

/** Prints each message once per process. */
export function warnOnce(message: string): void {
  if (printed.has(message)) return;
  printed.add(message);
  tf.backend_util.warn(message);
}
