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
  const key: string[] = [];
  let position = 0;
  for (const call of needed) {
    key.push(`;${call.signature.id}`);
    for (const input of call.inputs) {
      if (input.mark !== epoch) {
        if (!input.data)
          throw new Error('onnx backend: a call before its input');
        input.mark = epoch;
        input.position = leaves.length;
        leaves.push(input);
        key.push(`+${input.dtype}${input.shape.join()}`);
      } else {
        key.push(input.call ? `,${input.position}` : `*${input.position}`);
      }
    }
    for (const output of call.outputs) {
      output.mark = epoch;
      output.position = position++;
      if (wanted(output)) {
        outputs.push(output);
        key.push(`>${output.position}`);
      }
    }
  }
  return {key: key.join(''), calls: needed, leaves, outputs};
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
