import type * as tf from '@tensorflow/tfjs-core';
import type {Tensor} from 'onnxruntime-node';
import {Graph, type IrValue} from '../graph/graph.js';
import {emit} from './emit.js';
import {fuse} from '../passes/fuse_convolutions.js';
import {reshape} from '../graph/layout.js';
import {reorderAtOnce} from '../passes/merge_reorders.js';
import {type NativeSession, OrtTensor, createSession} from './onnxruntime.js';
import {describe, irDtype, lower} from '../trace/signature.js';
import type {Literals} from '../trace/literals.js';
import {fasterTransposes} from '../passes/rewrite_transposes.js';
import {fewerReshapes} from '../passes/sink_reshapes.js';
import {sameShape, size} from '../graph/shape.js';
import {type Spare, giveBack} from './buffer_pool.js';
import type {Structure} from '../trace/trace.js';
import {type Value, settle} from '../trace/value.js';
import {OnnxError} from './onnx_error.js';
import {peakBytes} from '../graph/peak_memory.js';

/** Where an output's data comes from: a leaf's own, or a result of the session. */
type Origin = {leaf: number} | {result: number};

/**
 * ONNX Runtime takes memory in blocks that grow: measured for the gradients of
 * ResNet-32, 1.3 to 1.8 times what is in use at the worst moment.
 */
const ARENA = 1.7;

/** A compiled structure. */
export interface Program {
  run(structure: Structure, spare: Spare): void;
  dispose(): void;
  /** Working memory of one run, estimated. */
  readonly bytes: number;
  /** The tfjs call behind each node of the model, for profiles. */
  readonly sources: Map<string, string>;
  readonly session?: NativeSession;
}

export interface CompileOptions {
  /** Channels per block of the NCHWc layout, or 0. */
  block: number;
  /** What is taken for granted of some leaves. */
  literals: Literals;
  /** The execution provider. */
  provider: string;
  session: Parameters<typeof createSession>[1];
}

export function compile(
  structure: Structure,
  {block, provider, literals, session: options}: CompileOptions,
): Program {
  const g = new Graph(block, provider);
  const results =
    structure.outputs.length > 0 ? lowerAll(g, structure, literals) : [];
  const {origins, values} = distinct(results);
  const takers = values.map(
    (_, i) => origins.filter(o => 'result' in o && o.result === i).length,
  );
  const passes = [fuse, reorderAtOnce, fasterTransposes, fewerReshapes];
  const fused = passes.reduce((outputs, pass) => pass(g, outputs), values);
  const {model, slots, sources} = emit(fused);
  const session = values.length > 0 ? open(model, options, sources) : undefined;
  const names = slots.map(slot => `x${slot}`);
  return {
    bytes: ARENA * peakBytes(fused),
    sources,
    session,
    dispose: () => session?.dispose(),
    run({leaves, outputs}, spare) {
      const feeds: Record<string, ReturnType<typeof feed>> = {};
      slots.forEach((slot, i) => (feeds[names[i]] = feed(leaves[slot])));
      const results = session ? runInto(session, feeds, values, spare) : [];
      outputs.forEach((value, i) => {
        const origin = origins[i];
        if ('leaf' in origin) {
          const leaf = leaves[origin.leaf];
          leaf.sole = false;
          settle(value, leaf.data);
        } else {
          const result = results[origin.result];
          const data = result.data as tf.backend_util.TypedArray;
          settle(value, data, takers[origin.result] === 1);
          // What comes out of one step often goes into the next.
          if (sameShape(result.dims, value.shape)) value.feed = result;
        }
      });
    },
  };
}

function open(
  model: Uint8Array,
  options: Parameters<typeof createSession>[1],
  sources: Map<string, string>,
): NativeSession {
  try {
    return createSession(model, options);
  } catch (error) {
    throw new OnnxError(error as Error, sources);
  }
}

function lowerAll(
  g: Graph,
  {calls, leaves, outputs}: Structure,
  {baked, same}: Literals,
): IrValue[] {
  const values = new Map<Value, IrValue>();
  leaves.forEach((leaf, slot) => {
    const number = baked.get(slot);
    const dtype = irDtype(leaf.dtype);
    values.set(
      leaf,
      number === undefined
        ? g.input(same.get(slot) ?? slot, leaf.shape, dtype)
        : g.splat(number, leaf.shape, dtype),
    );
  });
  for (const {signature, inputs, outputs: results} of calls) {
    g.source = describe(signature);
    const operands = inputs.map((v, i) =>
      reshape(g, values.get(v)!, signature.inputs[i].shape),
    );
    const {kernel, names, attrs} = signature;
    const result = lower(g, kernel, names, operands, attrs);
    (Array.isArray(result) ? result : [result]).forEach((v, i) =>
      values.set(results[i], v),
    );
  }
  return outputs.map(v => values.get(v)!);
}

/** Results with the same data come out once; inputs do not come out at all. */
function distinct(results: IrValue[]): {origins: Origin[]; values: IrValue[]} {
  const values: IrValue[] = [];
  const origins = results.map((v): Origin => {
    const base = v.node.type === 'Reshape' ? v.node.inputs[0]! : v;
    if (base.node.type === 'Input') {
      return {leaf: base.node.attributes.slot as number};
    }
    let result = values.indexOf(base);
    if (result < 0) result = values.push(base) - 1;
    return {result};
  });
  return {origins, values};
}

function feed(value: Value) {
  value.feed ??= new OrtTensor(
    value.dtype as 'float32',
    value.data as Float32Array,
    value.shape,
  );
  return value.feed;
}

/** Runs a session that has `values` as its results y0, y1 and so on. */
function runInto(
  session: NativeSession,
  feeds: Record<string, Tensor>,
  values: readonly IrValue[],
  spare: Spare,
): Tensor[] {
  spare.nextRun();
  const kept = values.map(v => memoryFor(v, spare));
  const fetches = Object.fromEntries(kept.map((k, i) => [`y${i}`, k]));
  const out = session.run(feeds, fetches, {});
  // The binding makes new tensors of the memory that it was given. It counts
  // twice, and V8 collects the sooner, until these are let go.
  giveBack(kept.flatMap((k, i) => (k ? [bufferOf(out[`y${i}`])] : [])));
  return kept.map((k, i) => k ?? out[`y${i}`]);
}

const ARRAYS = {float32: Float32Array, int32: Int32Array, bool: Uint8Array};

/** Where a result is to be written; null where ONNX Runtime is to allocate. */
function memoryFor({shape, dtype}: IrValue, spare: Spare): Tensor | null {
  const type = dtype as keyof typeof ARRAYS;
  const {BYTES_PER_ELEMENT} = ARRAYS[type];
  const buffer = spare.take(size(shape) * BYTES_PER_ELEMENT);
  return buffer
    ? new OrtTensor(type as 'float32', new ARRAYS[type](buffer), shape)
    : null;
}

function bufferOf(tensor: Tensor): ArrayBuffer {
  return (tensor.data as Float32Array).buffer as ArrayBuffer;
}
