import type * as tf from '@tensorflow/tfjs';
import {Graph, type IrDtype, type IrValue} from '../ir/graph.js';
import {
  type Attrs,
  type KernelInputs,
  Unsupported,
  lowerings,
} from '../kernels/registry.js';

/** Everything about a call but its data: kernel, shapes, dtypes, attributes. */
export interface Signature {
  /** Equal for equal calls, and never used again for another. */
  readonly id: number;
  readonly kernel: string;
  readonly names: readonly string[];
  readonly inputs: readonly Spec[];
  readonly attrs: Attrs;
  /** What it returns; undefined where it must run on the cpu kernel. */
  readonly outputs?: readonly Spec[];
  /** Whether the kernel returns a list. */
  readonly list: boolean;
  /** Why it runs on the cpu kernel, where it is known. */
  readonly reason?: string;
}

export interface Spec {
  readonly shape: readonly number[];
  readonly dtype: tf.DataType;
}

/** Beyond this many the table starts anew: a program that never repeats itself. */
const LIMIT = 50_000;

const known = new Map<string, Signature>();
let nextId = 0;

/** Finds or makes the signature of a call; throws what the kernel objects to. */
export function signatureOf(
  kernel: string,
  names: readonly string[],
  inputs: readonly Spec[],
  attrs: Attrs,
): Signature {
  let key = kernel;
  for (let i = 0; i < names.length; i++) {
    key += `|${names[i]}:${inputs[i].dtype}${inputs[i].shape.join()}`;
  }
  key += text(attrs);
  const old = known.get(key);
  if (old) return old;
  if (known.size >= LIMIT) known.clear();
  const signature = {
    id: nextId++,
    kernel,
    names,
    inputs: inputs.map(({shape, dtype}) => ({shape: [...shape], dtype})),
    attrs: structuredClone(attrs),
    ...results(kernel, names, inputs, attrs),
  };
  known.set(key, signature);
  return signature;
}

/** What a call returns is found by lowering it once, into a graph thrown away. */
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
      throw new Error('a kernel returned int64');
    }
    return {outputs, list};
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

/** Writes a call's operators into `g`. */
export function lower(
  g: Graph,
  kernel: string,
  names: readonly string[],
  values: readonly IrValue[],
  attrs: Attrs,
): IrValue | IrValue[] {
  const lowering = lowerings.get(kernel);
  if (!lowering) throw new Unsupported('no ONNX form of it exists here');
  const map: KernelInputs = {};
  names.forEach((name, i) => (map[name] = values[i]));
  return lowering(g, map, attrs);
}

export function irDtype(dtype: tf.DataType): IrDtype {
  if (dtype === 'float32' || dtype === 'int32' || dtype === 'bool') {
    return dtype;
  }
  throw new Unsupported(`dtype ${dtype} stays on the cpu`);
}

/** "Conv2D(x: float32[50,32,32,3], filter: float32[3,3,3,16])" */
export function describe({
  kernel,
  names,
  inputs,
}: Pick<Signature, 'kernel' | 'names' | 'inputs'>): string {
  const list = names.map(
    (name, i) => `${name}: ${inputs[i].dtype}[${inputs[i].shape.join()}]`,
  );
  return `${kernel}(${list.join(', ')})`;
}

/** JSON with the numbers that JSON does not know. */
function text(attrs: Attrs): string {
  return JSON.stringify(attrs, (_, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value)
      ? String(value)
      : value,
  );
}
