import {type CpuResult, runOnCpu} from './cpu-kernels.js';
import {describe} from './signature.js';
import type {Structure} from './structure.js';
import {settle} from './value.js';
import {warnOnce} from './warn.js';

/**
 * The way out when ONNX Runtime refuses a graph: each call on the cpu kernel.
 * It is slow, but gives results, or an error that names the one op at fault.
 */
export function runOneByOne({calls}: Structure, refusal: Error): void {
  for (const call of calls) {
    const {signature, inputs, outputs} = call;
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
  warnOnce(
    `${refusal.message.slice(0, 500)} Its ops were run on the cpu backend's kernels instead, which is slow.`,
  );
}
