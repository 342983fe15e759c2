import os from 'node:os';
import {checkProvider} from './runtime/execution_provider.js';
import {supportedProviders} from './runtime/onnxruntime.js';

export interface OnnxOptions {
  /** Where graphs run: 'cpu', 'webgpu', or 'cuda' where onnxruntime-node has it. Default 'cpu'. */
  executionProvider?: string;
  /** Threads for one operator. Default: ONNX Runtime's own choice, one a core. */
  threads?: number;
  /**
   * Bytes that the working memory of cached sessions may take together; the
   * least recently used go first. Up to a quarter as much again is kept of results
   * that were disposed of, for those of later runs. Default: a quarter of the memory
   * that this process may use.
   */
  memoryLimit?: number;
  /** How many compiled graphs are kept. Default 64. */
  cacheSize?: number;
  /** Prints the 15, or so many, slowest operators after each run. Slow; default false. */
  profile?: boolean | number;
}

export type Settings = Required<OnnxOptions>;

export const defaults: Settings = {
  executionProvider: 'cpu',
  threads: 0,
  memoryLimit: usableMemory() / 4,
  cacheSize: 64,
  profile: false,
};

/** Of the machine, or of the container where that gives less. */
function usableMemory(): number {
  const limit = process.constrainedMemory?.() ?? 0;
  return limit > 0 ? Math.min(limit, os.totalmem()) : os.totalmem();
}

/** Checks `options` and fills them up from `base`. */
export function settings(options: OnnxOptions, base = defaults): Settings {
  const given = Object.entries(options).filter(([, v]) => v !== undefined);
  const unknown = given.find(([key]) => !(key in defaults));
  if (unknown) {
    throw new Error(
      `onnx backend: there is no option '${unknown[0]}'; the options are ${Object.keys(defaults).join(', ')}.`,
    );
  }
  const all = {...base, ...Object.fromEntries(given)} as Settings;
  wholeNumber('threads', all.threads, 0);
  wholeNumber('cacheSize', all.cacheSize, 1);
  if (typeof all.profile !== 'boolean') wholeNumber('profile', all.profile, 1);
  if (!(all.memoryLimit > 0)) {
    throw new Error(
      `onnx backend: memoryLimit must be a positive number of bytes, not ${all.memoryLimit}.`,
    );
  }
  const providers = supportedProviders();
  if (!providers.includes(all.executionProvider)) {
    throw new Error(
      `onnx backend: this onnxruntime-node has no execution provider '${all.executionProvider}'; it has ${providers.join(', ')}.`,
    );
  }
  checkProvider(all.executionProvider);
  return all;
}

function wholeNumber(name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) {
    throw new Error(
      `onnx backend: ${name} must be a whole number of at least ${least}, not ${value}.`,
    );
  }
}
