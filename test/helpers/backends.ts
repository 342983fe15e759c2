import * as tf from '@tensorflow/tfjs';

const loaders: Record<string, () => Promise<unknown>> = {
  cpu: async () => {},
  wasm: () => import('@tensorflow/tfjs-backend-wasm'),
  tensorflow: () => import('@tensorflow/tfjs-node'),
};

/** Backends that results are compared on. */
export const BACKENDS = ['cpu', 'wasm', 'tensorflow'] as const;

/**
 * Makes `name` the backend of this process.
 *
 * @returns whether it is to be had: `tensorflow` needs its native library.
 */
export async function useBackend(
  name: (typeof BACKENDS)[number],
): Promise<boolean> {
  try {
    await loaders[name]();
    return await tf.setBackend(name);
  } catch {
    return false;
  }
}
