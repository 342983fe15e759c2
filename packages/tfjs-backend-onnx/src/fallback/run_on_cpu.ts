import {type CpuResult, runOnCpu} from './cpu_kernels.js';
import {describe} from '../trace/signature.js';
import type {Structure} from '../trace/trace.js';
import {type Call, fail, settle} from '../trace/value.js';
import {warnOnce} from '../trace/warn_once.js';

/**
 * The way out when ONNX Runtime refuses a graph: each call on the cpu kernel.
 * It is slow, but gives results, and those of the one op at fault, and what is
 * made of them, an error that names it.
 */
export function runOneByOne({calls}: Structure, refusal: Error): void {
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
    `${refusal.message.slice(0, 500)} Its ops were run on the cpu backend's kernels instead, which is slow.`,
  );
}

function run({signature, inputs, outputs}: Call, refusal: Error): void {
  let results: CpuResult[];
  try {
    const {kernel, names, inputs: specs, attrs} = signature;
    ({results} = runOnCpu(kernel, names, specs, inputs, attrs));
  } catch (error) {
    throw new Error(
      `onnx backend: ${describe(signature)} failed: ${(error as Error).message} (the graph it was in had failed before: ${refusal.message})`,
      {cause: error},
    );
  }
  outputs.forEach((output, i) => settle(output, results[i].data));
}
