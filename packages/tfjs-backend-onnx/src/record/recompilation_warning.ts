import * as tf from '@tensorflow/tfjs-core';
import {describe} from '../trace/signature.js';
import type {Trace} from '../trace/trace.js';

/** Number of compilations of one sequence of kernels that triggers the warning. */
const TOO_MANY = 12;

/** After more runs than this without a compilation, counting starts again. */
const GAP = 10;

/** Largest number of sequences remembered. */
const LIMIT = 256;

/**
 * Detects a program that compiles again and again because the shapes or the
 * attributes of one op change, and warns once, naming that op.
 */
export class RecompilationWarning {
  private readonly seen = new Map<
    string,
    {count: number; run: number; last: Trace}
  >();
  private warned = false;

  /**
   * To be called after each compilation.
   *
   * @param run the number of the run that the trace was compiled for
   */
  compiled(trace: Trace, run: number): void {
    if (this.warned) return;
    const kernels = trace.calls.map(c => c.signature.kernel).join();
    const entry = this.seen.get(kernels);
    if (!entry) {
      if (this.seen.size >= LIMIT) this.seen.clear();
      this.seen.set(kernels, {count: 1, run, last: withoutData(trace)});
      return;
    }
    const changed = trace.calls.findIndex(
      (c, i) => c.signature.id !== entry.last.calls[i].signature.id,
    );
    entry.count = run - entry.run > GAP ? 1 : entry.count + 1;
    entry.run = run;
    if (entry.count >= TOO_MANY && changed >= 0) {
      const {signature} = trace.calls[changed];
      const before = entry.last.calls[changed].signature;
      this.warned = true;
      tf.backend_util.warn(
        `onnx backend: the same ops were compiled ${entry.count} times because ` +
          `${describe(signature)} ${JSON.stringify(signature.attrs)} changes ` +
          `(before: ${describe(before)} ${JSON.stringify(before.attrs)}). ` +
          'Keep shapes and attributes constant to avoid this.',
      );
    }
    entry.last = withoutData(trace);
  }
}

/** A copy of the trace that keeps no values alive. */
function withoutData(trace: Trace): Trace {
  const calls = trace.calls.map(({signature}) => ({
    signature,
    inputs: [],
    outputs: [],
  }));
  return {key: '', calls, leaves: [], outputs: []};
}
