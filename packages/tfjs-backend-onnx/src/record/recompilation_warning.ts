import * as tf from '@tensorflow/tfjs-core';
import {describe} from '../trace/signature.js';
import type {Structure} from '../trace/trace.js';

/** So many compilations of one sequence of kernels are taken for a habit. */
const HABIT = 12;

/** After so many runs in between it is a new beginning. */
const GAP = 10;

/** Beyond this many the sequences are forgotten. */
const LIMIT = 256;

/**
 * Notices a program that compiles again and again because one of its ops has
 * other shapes or attributes each time, and says once which one it is.
 */
export class ChangeWatch {
  private readonly seen = new Map<
    string,
    {count: number; run: number; last: Structure}
  >();
  private warned = false;

  /** @param run the number of the run that it was compiled for */
  compiled(structure: Structure, run: number): void {
    if (this.warned) return;
    const kernels = structure.calls.map(c => c.signature.kernel).join();
    const entry = this.seen.get(kernels);
    if (!entry) {
      if (this.seen.size >= LIMIT) this.seen.clear();
      this.seen.set(kernels, {count: 1, run, last: names(structure)});
      return;
    }
    const changed = structure.calls.findIndex(
      (c, i) => c.signature.id !== entry.last.calls[i].signature.id,
    );
    entry.count = run - entry.run > GAP ? 1 : entry.count + 1;
    entry.run = run;
    if (entry.count >= HABIT && changed >= 0) {
      const {signature} = structure.calls[changed];
      const before = entry.last.calls[changed].signature;
      this.warned = true;
      tf.backend_util.warn(
        `onnx backend: the same ops were compiled ${entry.count} times because ` +
          `${describe(signature)} ${JSON.stringify(signature.attrs)} changes ` +
          `(before: ${describe(before)} ${JSON.stringify(before.attrs)}). ` +
          'Constant shapes and attributes make a loop fast.',
      );
    }
    entry.last = names(structure);
  }
}

/** The structure without its data. */
function names(structure: Structure): Structure {
  const calls = structure.calls.map(({signature}) => ({
    signature,
    inputs: [],
    outputs: [],
  }));
  return {key: '', calls, leaves: [], outputs: []};
}
