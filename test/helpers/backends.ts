import type {TestFn} from 'ava';
import {
  type BackendName,
  backendNames,
  loadBackend,
} from '../../src/tfjs_node/load_backend.js';

/** Backends that results are compared on. */
export const BACKENDS: readonly BackendName[] = backendNames;

/**
 * The backend of tests that are not about a backend. Their models are so small
 * that compiling them would take longer than computing; `TEST_BACKEND=onnx`
 * runs them there all the same.
 */
export const usual = (process.env.TEST_BACKEND ?? 'cpu') as BackendName;

/**
 * Makes `name` the backend of this process.
 *
 * @returns null, or why it cannot be had here.
 */
export async function missingBackend(
  name: BackendName,
): Promise<string | null> {
  try {
    await loadBackend(name);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Makes `name` the backend of this process, and says whether it is to be had. */
export async function useBackend(name: BackendName): Promise<boolean> {
  return (await missingBackend(name)) === null;
}

/**
 * Defines tests on a backend, or, where it cannot be had, one that says so. A
 * backend is global in its process: a test file has one.
 *
 * ```ts
 * await onBackend(test, 'wasm', defineTable);
 * ```
 */
export async function onBackend(
  test: TestFn,
  name: BackendName,
  define: (test: TestFn, backend: BackendName) => void,
): Promise<void> {
  const missing = await missingBackend(name);
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
