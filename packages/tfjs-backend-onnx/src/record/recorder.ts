import {size} from '../graph/shape.js';
import type {ProgramCache} from '../runtime/program_cache.js';
import type {Program} from '../runtime/program.js';
import type {Spare} from '../runtime/buffer_pool.js';
import {OnnxError} from '../runtime/onnx_error.js';
import {type Signature, describe} from '../trace/signature.js';
import {type Structure, structureOf} from '../trace/trace.js';
import {type Call, type Value, fail, pendingValue} from '../trace/value.js';
import {runOneByOne} from '../fallback/run_on_cpu.js';
import {ChangeWatch} from './recompilation_warning.js';

/** The calls that have been recorded and not run. */
export class Recorder {
  private pending: Call[] = [];
  private readonly watch = new ChangeWatch();
  /** How many times recorded calls were run. */
  runs = 0;
  /** Whether a value has ever failed: later ones may need it. */
  private failed = false;

  constructor(
    private readonly cache: ProgramCache,
    private readonly execute: (program: Program, structure: Structure) => void,
    private readonly spare: Spare,
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

  /** Computes `value` and with it everything pending that can still be read. */
  settle(value: Value): void {
    if (value.call) this.flush();
    if (value.error) throw value.error;
  }

  /**
   * Runs the first `count` pending calls, as far as tfjs tensors, or the calls
   * that stay pending, still need their results.
   */
  flush(count = this.pending.length): void {
    const flushed = this.pending.slice(0, count);
    this.pending = this.pending.slice(count);
    const calls = this.failed ? failDependents(flushed) : flushed;
    const later = new Set(this.pending.flatMap(call => call.inputs));
    const structure = structureOf(
      calls,
      v => v.call !== undefined && (v.references > 0 || later.has(v)),
    );
    if (structure.outputs.length > 0) this.run(structure);
    // What nobody can read any more need not keep its inputs alive.
    for (const {inputs, outputs} of flushed) {
      for (const output of outputs) output.call = undefined;
      for (const input of inputs) {
        input.uses--;
        if (input.uses === 0 && input.references === 0) {
          this.spare.free(input);
        }
      }
    }
  }

  private run(structure: Structure): void {
    this.runs++;
    try {
      const before = this.cache.compilations;
      const program = this.cache.get(structure, this.runs - 1);
      if (this.cache.compilations > before) {
        this.watch.compiled(structure, this.runs);
      }
      this.execute(program, structure);
    } catch (error) {
      this.failed = true;
      // On the cpu there would be no more memory.
      if (OnnxError.isMemory(error as Error)) {
        this.runWithoutCulprit(structure, error as OnnxError);
      } else {
        runOneByOne(structure, error as Error);
      }
    }
  }

  /** Runs what does not depend on the call that failed. */
  private runWithoutCulprit(structure: Structure, error: OnnxError): void {
    const {calls, outputs} = structure;
    const culprits = calls.filter(c => describe(c.signature) === error.call);
    for (const call of culprits.length > 0 ? culprits : calls) {
      for (const output of call.outputs) fail(output, error);
    }
    const wanted = new Set(outputs);
    const rest = structureOf(
      failDependents(calls),
      v => v.call !== undefined && wanted.has(v),
    );
    if (rest.outputs.length > 0) this.run(rest);
  }
}

/** Those of `calls` that can run; the results of the others fail as their inputs did. */
function failDependents(calls: readonly Call[]): Call[] {
  return calls.filter(({inputs, outputs}) => {
    const error = inputs.find(v => v.error)?.error;
    if (error) for (const output of outputs) fail(output, error);
    return outputs.some(v => v.call);
  });
}
