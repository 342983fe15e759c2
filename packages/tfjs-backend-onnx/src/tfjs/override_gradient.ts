import * as tf from '@tensorflow/tfjs-core';

export type GradFunc = tf.GradConfig['gradFunc'];

/**
 * Replaces a kernel's gradient on one backend. tfjs has one gradient registry
 * for all backends, so the replacement checks which backend is active and
 * calls the original on all others. Does nothing if the kernel has no gradient.
 */
export function overrideGradient(
  backendName: string,
  kernelName: string,
  override: (original: GradFunc) => GradFunc,
): void {
  const config = tf.getGradient(kernelName);
  if (!config) return;
  const replacement = override(config.gradFunc);
  tf.registerGradient({
    ...config,
    gradFunc: (dy, saved, attrs) =>
      tf.getBackend() === backendName
        ? replacement(dy, saved, attrs)
        : config.gradFunc(dy, saved, attrs),
  });
}
