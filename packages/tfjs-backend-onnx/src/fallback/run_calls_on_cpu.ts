import {describe} from '../trace/signature.js';
import type {Trace} from '../trace/trace.js';
import {type Call, type Value, fail, settle} from '../trace/value.js';
import {warnOnce} from '../trace/warn_once.js';
import {runCpuKernel} from './cpu_kernels.js';

/**
 * Runs each call of a trace on its cpu kernel, after ONNX Runtime has refused
 * the graph. This is slow, but only the call at fault, and what depends on it,
 * fails, with an error that names it.
 */
export function runCallsOnCpu({calls}: Trace, refusal: Error): void {
  let failed = false;
  for (const call of calls) {
    const error = call.inputs.find(v => v.error)?.error;
    try {
      if (error) throw error;
      run(call, refusal);
    } catch (error) {
      failed = true;
      for (const output of call.outputs) fail(output, error as Error);
    }
  }
  if (failed) return;
  warnOnce(
    `${refusal.message.slice(0, 500)} Its ops ran on the cpu backend's kernels instead, which is slow.`,
  );
}

function run({signature, inputs, outputs}: Call, refusal: Error): void {
  let results: Value[];
  try {
    const {kernel, names, inputs: specs, attrs} = signature;
    ({results} = runCpuKernel(kernel, names, specs, inputs, attrs));
  } catch (error) {
    throw new Error(
      `onnx backend: ${describe(signature)} failed: ${(error as Error).message} (its graph had failed before: ${refusal.message})`,
      {cause: error},
    );
  }
  outputs.forEach((output, i) => settle(output, results[i].data));
}
