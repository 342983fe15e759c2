import type * as tf from '@tensorflow/tfjs-core';
import type {Tensor} from 'onnxruntime-node';
import {Graph, type IrValue} from '../graph/graph.js';
import {emit} from './emit.js';
import {optimize} from '../passes/index.js';
import {reshape} from '../graph/layout.js';
import {type NativeSession, OrtTensor, createSession} from './onnxruntime.js';
import {describe, irDtype, lower} from '../trace/signature.js';
import type {Literals} from '../trace/literals.js';
import {sameShape, size} from '../graph/shape.js';
import {type BufferPool, release} from './buffer_pool.js';
import type {Trace} from '../trace/trace.js';
import {type Value, settle} from '../trace/value.js';
import {OnnxError} from './onnx_error.js';
import {peakBytes} from '../graph/peak_memory.js';

/** Where an output's data comes from: a leaf, or a result of the session. */
type Origin = {leaf: number} | {result: number};

/**
 * ONNX Runtime allocates memory in growing blocks: for the gradients of ResNet-32
 * it takes 1.3 to 1.8 times the peak of what is in use (measured).
 */
const ARENA_OVERHEAD = 1.7;

/** A compiled trace. */
export interface Program {
  run(trace: Trace, pool: BufferPool): void;
  dispose(): void;
  /** Estimated working memory of one run. */
  readonly bytes: number;
  /** The tfjs call behind each node of the model, for errors and profiles. */
  readonly sources: Map<string, string>;
  readonly session?: NativeSession;
}

export interface CompileOptions {
  /** Channels per block of the NCHWc layout, or 0. */
  block: number;
  /** What is assumed about some leaves. */
  literals: Literals;
  /** Name of the execution provider. */
  provider: string;
  session: Parameters<typeof createSession>[1];
}

export function compile(
  trace: Trace,
  {block, provider, literals, session: options}: CompileOptions,
): Program {
  const g = new Graph(block, provider);
  const results = trace.outputs.length > 0 ? lowerAll(g, trace, literals) : [];
  const {origins, values} = distinct(results);
  const consumers = values.map(
    (_, i) => origins.filter(o => 'result' in o && o.result === i).length,
  );
  const optimized = optimize(g, values);
  const {model, slots, sources} = emit(optimized);
  const session = values.length > 0 ? open(model, options, sources) : undefined;
  const names = slots.map(slot => `x${slot}`);
  return {
    bytes: ARENA_OVERHEAD * peakBytes(optimized),
    sources,
    session,
    dispose: () => session?.dispose(),
    run({leaves, outputs}, pool) {
      const feeds: Record<string, ReturnType<typeof feed>> = {};
      slots.forEach((slot, i) => (feeds[names[i]] = feed(leaves[slot])));
      const results = session ? runInto(session, feeds, values, pool) : [];
      outputs.forEach((value, i) => {
        const origin = origins[i];
        if ('leaf' in origin) {
          const leaf = leaves[origin.leaf];
          leaf.exclusive = false;
          settle(value, leaf.data);
        } else {
          const result = results[origin.result];
          const data = result.data as tf.backend_util.TypedArray;
          settle(value, data, consumers[origin.result] === 1);
          // Results of one step are often inputs of the next.
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
  {calls, leaves, outputs}: Trace,
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

/** Outputs with the same data become one result; outputs that are inputs become none. */
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

/** Runs a session whose results y0, y1 and so on are `values`, into pooled memory. */
function runInto(
  session: NativeSession,
  feeds: Record<string, Tensor>,
  values: readonly IrValue[],
  pool: BufferPool,
): Tensor[] {
  pool.nextRun();
  const pooled = values.map(v => memoryFor(v, pool));
  const fetches = Object.fromEntries(pooled.map((k, i) => [`y${i}`, k]));
  const out = session.run(feeds, fetches, {});
  // The binding returns new tensors that own the same memory. V8 counts it twice,
  // and collects sooner, until these are released.
  release(pooled.flatMap((k, i) => (k ? [bufferOf(out[`y${i}`])] : [])));
  return pooled.map((k, i) => k ?? out[`y${i}`]);
}

const ARRAYS = {float32: Float32Array, int32: Int32Array, bool: Uint8Array};

/** Where a result is written; null to let ONNX Runtime allocate. */
function memoryFor({shape, dtype}: IrValue, pool: BufferPool): Tensor | null {
  const type = dtype as keyof typeof ARRAYS;
  const {BYTES_PER_ELEMENT} = ARRAYS[type];
  const buffer = pool.take(size(shape) * BYTES_PER_ELEMENT);
  return buffer
    ? new OrtTensor(type as 'float32', new ARRAYS[type](buffer), shape)
    : null;
}

function bufferOf(tensor: Tensor): ArrayBuffer {
  return (tensor.data as Float32Array).buffer as ArrayBuffer;
}
