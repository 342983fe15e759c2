import os from 'node:os';
import {checkExecutionProvider} from './runtime/execution_provider.js';

export interface OnnxOptions {
  /** Where graphs run: `'cpu'`, `'webgpu'`, or `'cuda'` if onnxruntime-node has it. Default `'cpu'`. */
  executionProvider?: string;
  /** Threads per operator; 0 lets ONNX Runtime choose, one per core. Default 0. */
  threads?: number;
  /**
   * Bytes of working memory that all cached sessions may take together; the
   * least recently used are dropped first. In addition, buffers of disposed
   * results are kept for later results, up to a quarter of this. Default: a
   * quarter of the memory available to the process.
   */
  memoryLimit?: number;
  /** Largest number of compiled graphs kept. Default 64. */
  cacheSize?: number;
  /** Print the slowest operators after each run: true for 15, or how many. Slow. Default false. */
  profile?: boolean | number;
}

export type Settings = Required<OnnxOptions>;

export const defaults: Settings = {
  executionProvider: 'cpu',
  threads: 0,
  memoryLimit: availableMemory() / 4,
  cacheSize: 64,
  profile: false,
};

/** Memory of the machine, or the container's limit if that is lower. */
function availableMemory(): number {
  const limit = process.constrainedMemory?.() ?? 0;
  return limit > 0 ? Math.min(limit, os.totalmem()) : os.totalmem();
}

/**
 * Checks `options` and completes them from `base`.
 *
 * @throws if an option is unknown or out of range, or the execution provider
 *     does not work here
 */
export function resolveOptions(
  options: OnnxOptions,
  base = defaults,
): Settings {
  const given = Object.entries(options).filter(([, v]) => v !== undefined);
  const unknown = given.find(([key]) => !(key in defaults));
  if (unknown) {
    throw new Error(
      `onnx backend: unknown option '${unknown[0]}'; the options are ${Object.keys(defaults).join(', ')}.`,
    );
  }
  const all = {...base, ...Object.fromEntries(given)} as Settings;
  checkInteger('threads', all.threads, 0);
  checkInteger('cacheSize', all.cacheSize, 1);
  if (typeof all.profile !== 'boolean') checkInteger('profile', all.profile, 1);
  if (!(all.memoryLimit > 0)) {
    throw new Error(
      `onnx backend: memoryLimit must be a positive number of bytes, but it is ${all.memoryLimit}.`,
    );
  }
  checkExecutionProvider(all.executionProvider);
  return all;
}

function checkInteger(name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) {
    throw new Error(
      `onnx backend: ${name} must be an integer of at least ${least}, but it is ${value}.`,
    );
  }
}
