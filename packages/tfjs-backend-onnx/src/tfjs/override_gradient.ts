import * as tf from '@tensorflow/tfjs-core';

export type GradFunc = tf.GradConfig['gradFunc'];

/**
 * Replaces a kernel's gradient on one backend. tfjs registers gradients for all
 * backends alike, so that it is asked which one is in force; the others keep
 * the original, if there is one.
 */
export function correctGradient(
  backendName: string,
  kernelName: string,
  correct: (original: GradFunc) => GradFunc,
): void {
  const config = tf.getGradient(kernelName);
  if (!config) return;
  const corrected = correct(config.gradFunc);
  tf.registerGradient({
    ...config,
    gradFunc: (dy, saved, attrs) =>
      tf.getBackend() === backendName
        ? corrected(dy, saved, attrs)
        : config.gradFunc(dy, saved, attrs),
  });
}
