import * as tf from '@tensorflow/tfjs';
import type {TestFn} from 'ava';

/** How each backend beside the built-in `cpu` is brought in. */
const LOADERS: Record<string, () => Promise<unknown>> = {
  cpu: async () => {},
  wasm: () => import('@tensorflow/tfjs-backend-wasm'),
  tensorflow: () => {
    // Silences the library's start-up lines.
    process.env.TF_CPP_MIN_LOG_LEVEL ??= '3';
    return import('@tensorflow/tfjs-node');
  },
};

/**
 * Makes a backend the present one, for the whole process: a test file has one.
 * Gives null, or why it cannot be had here.
 */
export async function useBackend(name: string): Promise<string | null> {
  try {
    await LOADERS[name]();
    if (await tf.setBackend(name)) {
      await tf.ready();
      return null;
    }
    return `backend ${name} did not start`;
  } catch (error) {
    return `backend ${name} cannot be loaded: ${String(error).split('\n')[0]}`;
  }
}

/**
 * Defines tests on a backend, or, where it cannot be had, one that says so.
 *
 * ```ts
 * await onBackend(test, 'wasm', defineTable);
 * ```
 */
export async function onBackend(
  test: TestFn,
  name: string,
  define: (test: TestFn, backend: string) => void,
): Promise<void> {
  const missing = await useBackend(name);
  if (missing) {
    skipped(test, `tests on ${name}`, missing);
  } else {
    define(test, name);
  }
}

/** A test in place of others that cannot be run here, saying why. */
export function skipped(test: TestFn, title: string, why: string): void {
  test(title, t => {
    t.log(`skipped: ${why}`);
    t.pass();
  });
}
