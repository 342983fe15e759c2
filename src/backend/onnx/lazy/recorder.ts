import type {ProgramCache} from './cache.js';
import type {Program} from './program.js';
import type {Signature} from './signature.js';
import {type Structure, structureOf} from './structure.js';
import {type Call, type Value, fail, pendingValue} from './value.js';
import {runOneByOne} from './one-by-one.js';
import {ChangeWatch} from './change-watch.js';

/** The calls that have been recorded and not run. */
export class Recorder {
  private pending: Call[] = [];
  private readonly watch = new ChangeWatch();
  /** How many times recorded calls were run. */
  runs = 0;

  constructor(
    private readonly cache: ProgramCache,
    private readonly execute: (program: Program, structure: Structure) => void,
  ) {}

  get size(): number {
    return this.pending.length;
  }

  get calls(): readonly Call[] {
    return this.pending;
  }

  /** Appends a call; its results are pending. */
  record(signature: Signature, inputs: Value[]): Value[] {
    const outputs = signature.outputs!.map(o => pendingValue(o.shape, o.dtype));
    const call = {signature, inputs, outputs};
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
    const calls = this.pending.slice(0, count);
    this.pending = this.pending.slice(count);
    const later = new Set(this.pending.flatMap(call => call.inputs));
    const structure = structureOf(
      calls,
      v => v.call !== undefined && (v.references > 0 || later.has(v)),
    );
    if (structure.outputs.length > 0) this.run(structure);
    // What nobody can read any more need not keep its inputs alive.
    for (const call of calls) {
      for (const output of call.outputs) output.call = undefined;
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
      try {
        // Elsewhere there would be no more memory.
        if (/alloc|memory/i.test((error as Error).message)) throw error;
        runOneByOne(structure, error as Error);
      } catch (named) {
        for (const output of structure.outputs) {
          if (output.call) fail(output, named as Error);
        }
        throw named;
      }
    }
  }
}
