import {specNumbers} from './spec.js';
import type {Call, Value} from './value.js';

/**
 * The recorded calls that one run computes, without their data. Traces with
 * equal keys can share a compiled program.
 */
export interface Trace {
  readonly key: string;
  readonly calls: readonly Call[];
  /** Values whose data goes in, in the order of their first use. */
  readonly leaves: readonly Value[];
  /** Values that come out. */
  readonly outputs: readonly Value[];
}

let epoch = 0;

/** A key is a list of numbers, each tagged with what it numbers. */
const enum Kind {
  Call,
  NewLeaf,
  Leaf,
  Result,
  Output,
}
const KINDS = 8;

let key = new Int32Array(1024);
let length = 0;

function push(kind: Kind, number: number): void {
  if (length === key.length) {
    const longer = new Int32Array(2 * length);
    longer.set(key);
    key = longer;
  }
  key[length++] = number * KINDS + kind;
}

/**
 * The trace of those `calls` (in the order they were recorded) that the `wanted`
 * values need, with its key.
 */
export function traceOf(
  calls: readonly Call[],
  wanted: (value: Value) => boolean,
): Trace {
  const needed = neededCalls(calls, wanted);
  epoch++;
  const leaves: Value[] = [];
  const outputs: Value[] = [];
  length = 0;
  let position = 0;
  for (const call of needed) {
    push(Kind.Call, call.signature.id);
    for (const input of call.inputs) {
      if (input.mark !== epoch) {
        if (!input.data)
          throw new Error('onnx backend: a call precedes its input.');
        input.mark = epoch;
        input.position = leaves.length;
        leaves.push(input);
        if (input.specNumber < 0) input.specNumber = specNumbers.of(input);
        push(Kind.NewLeaf, input.specNumber);
      } else {
        push(input.call ? Kind.Result : Kind.Leaf, input.position);
      }
    }
    for (const output of call.outputs) {
      output.mark = epoch;
      output.position = position++;
      if (wanted(output)) {
        outputs.push(output);
        push(Kind.Output, output.position);
      }
    }
  }
  const bytes = Buffer.from(key.buffer, 0, 4 * length);
  return {key: bytes.toString('latin1'), calls: needed, leaves, outputs};
}

function neededCalls(
  calls: readonly Call[],
  wanted: (value: Value) => boolean,
): Call[] {
  epoch++;
  const needed: Call[] = [];
  for (let i = calls.length - 1; i >= 0; i--) {
    const call = calls[i];
    if (!call.outputs.some(v => v.mark === epoch || wanted(v))) continue;
    needed.push(call);
    for (const input of call.inputs) input.mark = epoch;
  }
  return needed.reverse();
}
