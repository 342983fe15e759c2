import * as tf from '@tensorflow/tfjs-core';

const said = new Set<string>();

/** Says each thing once in the life of the process. */
export function warnOnce(message: string): void {
  if (said.has(message)) return;
  said.add(message);
  tf.backend_util.warn(message);
}
