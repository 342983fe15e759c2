import {specId} from './spec.js';
import type {Call, Value} from './value.js';

/** What one run does, without its data: two equal keys can share a session. */
export interface Structure {
  readonly key: string;
  readonly calls: readonly Call[];
  /** Values whose data goes in, in the order of their first use. */
  readonly leaves: readonly Value[];
  /** Values that come out. */
  readonly outputs: readonly Value[];
}

let epoch = 0;

/** A key is a list of numbers, each with the kind of what it numbers. */
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
 * Keeps of `calls` (in the order they were recorded) what `wanted` values need,
 * and numbers it.
 */
export function structureOf(
  calls: readonly Call[],
  wanted: (value: Value) => boolean,
): Structure {
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
          throw new Error('onnx backend: a call before its input');
        input.mark = epoch;
        input.position = leaves.length;
        leaves.push(input);
        if (input.spec < 0) input.spec = specId(input);
        push(Kind.NewLeaf, input.spec);
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
