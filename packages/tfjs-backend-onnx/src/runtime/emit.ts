import {
  type Attribute,
  type IrData,
  type IrDtype,
  type IrNode,
  type IrValue,
  count,
} from '../graph/graph.js';
import {NCHWC} from '../graph/blocked.js';
import {inOrder} from '../graph/topological_order.js';
import {onnxDataType} from '../graph/onnx_data_type.js';
import {ModelProto, attributeType} from './onnx_schema.js';

/** The newest opset whose operators have kernels on every execution provider. */
const OPSET = 18;

const arrays = {
  float32: Float32Array,
  int32: Int32Array,
  bool: Uint8Array,
};

interface NodeProto {
  input: string[];
  output: string[];
  name: string;
  op_type: string;
  domain?: string;
  attribute?: object[];
}

export interface Emitted {
  model: Uint8Array;
  /** The slots that the graph uses; their inputs are named `x<slot>`. */
  slots: number[];
  /** The tfjs call behind each node, by the node's name. */
  sources: Map<string, string>;
}

/** Encodes the graph that computes `outputs` (named `y0`, `y1` …) as an ONNX model. */
export function emit(outputs: readonly IrValue[]): Emitted {
  const nodes: NodeProto[] = [];
  const initializer: object[] = [];
  const input: object[] = [];
  const slots: number[] = [];
  const sources = new Map<string, string>();
  const used = new Set<IrValue>(outputs);
  const order = inOrder(outputs);
  order.forEach(node => node.inputs.forEach(v => v && used.add(v)));
  const name = naming(outputs);

  const add = (node: IrNode, proto: Omit<NodeProto, 'name'>) => {
    const id = `n${nodes.length}`;
    nodes.push({...proto, name: id});
    sources.set(id, node.source);
  };

  for (const node of order) {
    const [first] = node.outputs;
    if (node.type === 'Input') {
      slots.push(node.attributes.slot as number);
      input.push(valueInfo(name(first), first));
    } else if (node.type === 'Constant') {
      initializer.push(
        tensor(name(first), first.shape, first.dtype, node.data!),
      );
    } else if (node.type === 'Splat') {
      emitSplat(first, name(first), initializer, proto => add(node, proto));
    } else {
      add(node, {
        input: node.inputs.map(v => (v ? name(v) : '')),
        output: outputNames(node, name, used),
        op_type: node.type,
        domain: node.domain || undefined,
        attribute: Object.entries(node.attributes).map(attribute),
      });
    }
  }
  const output = outputs.map((v, i) => {
    if (name(v) !== `y${i}`) {
      nodes.push({
        input: [name(v)],
        output: [`y${i}`],
        name: `y${i}`,
        op_type: 'Identity',
      });
    }
    return valueInfo(`y${i}`, v);
  });
  const model = ModelProto.encode({
    ir_version: 9,
    graph: {node: nodes, name: 'tfjs', initializer, input, output},
    opset_import: [
      {domain: '', version: OPSET},
      {domain: 'com.microsoft', version: 1},
      {domain: NCHWC, version: 1},
    ],
  }).finish();
  return {model, slots, sources};
}

type Add = (proto: Omit<NodeProto, 'name'>) => void;

/** Small splats become initializers; large ones are expanded at run time. */
function emitSplat(
  v: IrValue,
  id: string,
  initializer: object[],
  add: Add,
): void {
  const number = Number(v.node.attributes.value);
  const dtype = v.dtype as keyof typeof arrays;
  const n = count(v);
  if (n <= 64) {
    initializer.push(tensor(id, v.shape, v.dtype, filled(dtype, n, number)));
    return;
  }
  const parts = [`${id}_value`, `${id}_shape`];
  initializer.push(
    tensor(parts[0], [], v.dtype, filled(dtype, 1, number)),
    shapeTensor(parts[1], v.shape),
  );
  add({input: parts, output: [id], op_type: 'Expand'});
}

type Name = (v: IrValue) => string;

/**
 * A result is named after its first output, since renaming it would be a copy.
 * Inputs and constants cannot be outputs, so they are copied by an Identity.
 */
function naming(outputs: readonly IrValue[]): Name {
  const names = new Map<IrValue, string>();
  outputs.forEach((v, i) => {
    const given = ['Input', 'Constant', 'Splat'].includes(v.node.type);
    if (!given && !names.has(v)) names.set(v, `y${i}`);
  });
  return v =>
    names.get(v) ??
    (v.node.type === 'Input' ? `x${v.node.attributes.slot}` : `v${v.id}`);
}

/** Names of a node's results, empty for unused ones; ONNX requires the first. */
function outputNames(
  {outputs}: IrNode,
  name: Name,
  used: ReadonlySet<IrValue>,
): string[] {
  const names = outputs.map((v, i) => (i === 0 || used.has(v) ? name(v) : ''));
  while (names[names.length - 1] === '') names.pop();
  return names;
}

function filled(dtype: keyof typeof arrays, n: number, value: number): IrData {
  return new arrays[dtype](n).fill(value);
}

function shapeTensor(id: string, shape: readonly number[]): object {
  const data = BigInt64Array.from(shape, d => BigInt(d));
  return tensor(id, [shape.length], 'int64', data);
}

function tensor(
  id: string,
  dims: readonly number[],
  dtype: IrDtype,
  data: IrData,
): object {
  return {
    dims,
    data_type: onnxDataType[dtype],
    name: id,
    raw_data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  };
}

function valueInfo(id: string, v: IrValue): object {
  const dim = v.shape.map(d => ({dim_value: d}));
  return {
    name: id,
    type: {tensor_type: {elem_type: onnxDataType[v.dtype], shape: {dim}}},
  };
}

function attribute([key, value]: [string, Attribute]): object {
  if (typeof value === 'number') {
    return {name: key, i: value, type: attributeType.int};
  }
  if (typeof value === 'string') {
    return {name: key, s: Buffer.from(value), type: attributeType.string};
  }
  if (Array.isArray(value)) {
    return {name: key, ints: value, type: attributeType.ints};
  }
  return {name: key, f: value.float, type: attributeType.float};
}
