import type * as tf from '@tensorflow/tfjs-core';
import {Graph, type IrDtype, type IrValue} from '../graph/graph.js';
import {sameShape} from '../graph/shape.js';
import {type NumberedSpec, type Spec, specNumbers} from './spec.js';
import {
  type Attrs,
  type LoweringInputs,
  Unsupported,
  lowerings,
} from '../kernels/registry.js';

/** Everything about a call except its data: kernel, shapes, dtypes, attributes. */
export interface Signature {
  /** Equal for equal calls; never reused for another. */
  readonly id: number;
  readonly kernel: string;
  readonly names: readonly string[];
  readonly inputs: readonly Spec[];
  readonly attrs: Attrs;
  /** What it returns; undefined if the call must run on the cpu kernel. */
  readonly outputs?: readonly NumberedSpec[];
  /** Whether the kernel returns a list. */
  readonly list: boolean;
  /** Why it must run on the cpu kernel. */
  readonly reason?: string;
}

/** Size at which the table is cleared: a program whose calls never repeat. */
const LIMIT = 50_000;

/** By kernel, then by a hash of the inputs' shapes. */
const known = new Map<string, Map<number, Signature[]>>();
let count = 0;
let nextId = 0;

/**
 * Finds or creates the signature of a call. Every call of every step comes
 * through here, so it compares fields instead of building string keys.
 *
 * @throws if the kernel rejects its inputs
 */
export function signatureOf(
  kernel: string,
  names: readonly string[],
  inputs: readonly Spec[],
  attrs: Attrs,
): Signature {
  let ofKernel = known.get(kernel);
  if (!ofKernel) known.set(kernel, (ofKernel = new Map<number, Signature[]>()));
  const hash = hashOf(inputs);
  const candidates = ofKernel.get(hash);
  const old = candidates?.find(
    s =>
      sameList(s.names, names) &&
      sameSpecs(s.inputs, inputs) &&
      same(s.attrs, attrs),
  );
  if (old) return old;
  const signature = {
    id: nextId++,
    kernel,
    names,
    inputs: inputs.map(({shape, dtype}) => ({shape: [...shape], dtype})),
    attrs: structuredClone(attrs),
    ...results(kernel, names, inputs, attrs),
  };
  if (count++ >= LIMIT) {
    known.clear();
    count = 0;
  } else if (candidates) candidates.push(signature);
  else ofKernel.set(hash, [signature]);
  return signature;
}

function hashOf(inputs: readonly Spec[]): number {
  let hash = inputs.length;
  for (const {shape} of inputs) {
    hash = Math.imul(hash, 31) + shape.length;
    for (const d of shape) hash = (Math.imul(hash, 31) + d) | 0;
  }
  return hash;
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i]);
}

function sameSpecs(a: readonly Spec[], b: readonly Spec[]): boolean {
  return a.every(
    ({shape, dtype}, i) => dtype === b[i].dtype && sameShape(shape, b[i].shape),
  );
}

/** Deep equality of attributes: numbers, strings, lists and plain objects. */
function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || !a || !b) return false;
  const [x, y] = [a as Attrs, b as Attrs];
  let surplus = 0;
  for (const key in x) {
    if (!same(x[key], y[key])) return false;
    surplus++;
  }
  for (const key in y) {
    if (!(key in x)) return false;
    surplus--;
  }
  return surplus === 0 && Array.isArray(a) === Array.isArray(b);
}

/** Infers what a call returns by lowering it once, into a graph that is discarded. */
function results(
  kernel: string,
  names: readonly string[],
  inputs: readonly Spec[],
  attrs: Attrs,
): Pick<Signature, 'outputs' | 'list' | 'reason'> {
  const g = new Graph();
  try {
    const values = inputs.map(({shape, dtype}, i) =>
      g.input(i, shape, irDtype(dtype)),
    );
    const result = lower(g, kernel, names, values, attrs);
    const list = Array.isArray(result);
    const outputs = (list ? result : [result]).map(v => ({
      shape: v.shape,
      dtype: v.dtype as tf.DataType,
    }));
    if (outputs.some(o => (o.dtype as string) === 'int64')) {
      throw new Error('its lowering returns int64, which tfjs does not have');
    }
    return {
      outputs: outputs.map(o => ({...o, number: specNumbers.of(o)})),
      list,
    };
  } catch (error) {
    if (error instanceof Unsupported) {
      return {list: false, reason: error.message};
    }
    throw new Error(
      `onnx backend: ${describe({kernel, names, inputs})}: ${(error as Error).message}`,
      {cause: error},
    );
  }
}

/** Adds a call's operators to `g`. */
export function lower(
  g: Graph,
  kernel: string,
  names: readonly string[],
  values: readonly IrValue[],
  attrs: Attrs,
): IrValue | IrValue[] {
  const lowering = lowerings.get(kernel);
  if (!lowering) throw new Unsupported('it has no ONNX implementation');
  const map: LoweringInputs = {};
  names.forEach((name, i) => (map[name] = values[i]));
  return lowering(g, map, attrs);
}

export function irDtype(dtype: tf.DataType): IrDtype {
  if (dtype === 'float32' || dtype === 'int32' || dtype === 'bool') {
    return dtype;
  }
  throw new Unsupported(`dtype ${dtype} is not supported`);
}

/** Largest number of inputs in a description: kernels that take lists can have hundreds. */
const DESCRIBED = 12;

/** "Conv2D(x: float32[50,32,32,3], filter: float32[3,3,3,16])" */
export function describe({
  kernel,
  names,
  inputs,
}: Pick<Signature, 'kernel' | 'names' | 'inputs'>): string {
  const list = names
    .slice(0, DESCRIBED)
    .map((name, i) => `${name}: ${inputs[i].dtype}[${inputs[i].shape.join()}]`);
  const more = names.length - list.length;
  if (more > 0) list.push(`and ${more} more`);
  return `${kernel}(${list.join(', ')})`;
}
