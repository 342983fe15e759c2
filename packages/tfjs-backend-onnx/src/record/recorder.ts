import {size} from '../graph/shape.js';
import type {ProgramCache} from '../runtime/program_cache.js';
import type {Program} from '../runtime/program.js';
import type {BufferPool} from '../runtime/buffer_pool.js';
import {OnnxError} from '../runtime/onnx_error.js';
import {type Signature, describe} from '../trace/signature.js';
import {type Trace, traceOf} from '../trace/trace.js';
import {type Call, type Value, fail, pendingValue} from '../trace/value.js';
import {runCallsOnCpu} from '../fallback/run_calls_on_cpu.js';
import {RecompilationWarning} from './recompilation_warning.js';

/** Keeps the calls that are recorded and have not run, and runs them. */
export class Recorder {
  private pending: Call[] = [];
  private readonly recompilations = new RecompilationWarning();
  /** Number of runs so far. */
  runs = 0;
  /** Whether any value has failed; later calls may depend on it. */
  private failed = false;

  constructor(
    private readonly cache: ProgramCache,
    private readonly execute: (program: Program, trace: Trace) => void,
    private readonly pool: BufferPool,
  ) {}

  get size(): number {
    return this.pending.length;
  }

  get calls(): readonly Call[] {
    return this.pending;
  }

  /** Bytes of the pending results that tfjs tensors still hold. */
  liveBytes(): number {
    let elements = 0;
    for (const {outputs} of this.pending) {
      for (const {references, shape} of outputs) {
        if (references > 0) elements += size(shape);
      }
    }
    return 4 * elements;
  }

  /** Appends a call; its results are pending. */
  record(signature: Signature, inputs: Value[]): Value[] {
    const outputs = signature.outputs!.map(pendingValue);
    const call = {signature, inputs, outputs};
    for (const input of inputs) input.uses++;
    for (const output of outputs) output.call = call;
    this.pending.push(call);
    return outputs;
  }

  /** Computes `value`, and with it every pending value that can still be read. */
  settle(value: Value): void {
    if (value.call) this.flush();
    if (value.error) throw value.error;
  }

  /**
   * Runs the first `count` pending calls, except those whose results neither a
   * tfjs tensor nor a call that stays pending needs.
   */
  flush(count = this.pending.length): void {
    const flushed = this.pending.slice(0, count);
    this.pending = this.pending.slice(count);
    const calls = this.failed ? failDependents(flushed) : flushed;
    const later = new Set(this.pending.flatMap(call => call.inputs));
    const trace = traceOf(
      calls,
      v => v.call !== undefined && (v.references > 0 || later.has(v)),
    );
    if (trace.outputs.length > 0) this.run(trace);
    // Results that can no longer be read must not keep their inputs alive.
    for (const {inputs, outputs} of flushed) {
      for (const output of outputs) output.call = undefined;
      for (const input of inputs) {
        input.uses--;
        if (input.uses === 0 && input.references === 0) {
          this.pool.free(input);
        }
      }
    }
  }

  private run(trace: Trace): void {
    this.runs++;
    try {
      const before = this.cache.compilations;
      const program = this.cache.get(trace, this.runs - 1);
      if (this.cache.compilations > before) {
        this.recompilations.compiled(trace, this.runs);
      }
      this.execute(program, trace);
    } catch (error) {
      this.failed = true;
      // The cpu kernels would need the same memory.
      if (OnnxError.isMemory(error as Error)) {
        this.runWithoutFailed(trace, error as OnnxError);
      } else {
        runCallsOnCpu(trace, error as Error);
      }
    }
  }

  /** Runs the calls that do not depend on the call that failed. */
  private runWithoutFailed(trace: Trace, error: OnnxError): void {
    const {calls, outputs} = trace;
    const named = calls.filter(c => describe(c.signature) === error.call);
    for (const call of named.length > 0 ? named : calls) {
      for (const output of call.outputs) fail(output, error);
    }
    const wanted = new Set(outputs);
    const rest = traceOf(
      failDependents(calls),
      v => v.call !== undefined && wanted.has(v),
    );
    if (rest.outputs.length > 0) this.run(rest);
  }
}

/** The calls that can run. The results of the others fail with their input's error. */
function failDependents(calls: readonly Call[]): Call[] {
  return calls.filter(({inputs, outputs}) => {
    const error = inputs.find(v => v.error)?.error;
    if (error) for (const output of outputs) fail(output, error);
    return outputs.some(v => v.call);
  });
}
