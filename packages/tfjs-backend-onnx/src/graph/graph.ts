import {size} from './shape.js';

/** Element types inside a graph. tfjs has no int64, so it is never an output. */
export type IrDtype = 'float32' | 'int32' | 'bool' | 'int64';

/** A number is encoded as INT, `{float}` as FLOAT. */
export type Attribute = number | string | number[] | {float: number};
export type Attributes = Record<string, Attribute>;

/** One result of one node. */
export interface IrValue {
  readonly id: number;
  readonly node: IrNode;
  readonly index: number;
  readonly shape: readonly number[];
  readonly dtype: IrDtype;
}

/**
 * An ONNX operator, or one of three leaves: `Input` (a slot of the program),
 * `Constant` (`data`) and `Splat` (the same number in every element). `Block` and
 * `Unblock` (blocked.ts) become operators in the last pass.
 */
export interface IrNode {
  readonly type: string;
  readonly domain: string;
  readonly inputs: (IrValue | null)[];
  readonly attributes: Attributes;
  readonly outputs: IrValue[];
  readonly data?: IrData;
  /** The tfjs call this came from, for error messages and profiles. */
  readonly source: string;
}

export type IrData = Float32Array | Int32Array | Uint8Array | BigInt64Array;

export interface OutputSpec {
  shape: readonly number[];
  dtype: IrDtype;
}

const COMMUTATIVE = new Set(['Add', 'Mul']);

/**
 * A graph under construction. Equal nodes are built once (hash consing), so that
 * what tfjs computes twice, such as a gradient's `x - mean`, is computed once.
 */
export class Graph {
  /** The tfjs call that is being lowered, recorded as the `source` of new nodes. */
  source = '';
  /** Indices known to lie in [0, bound), because a gather has read with them. */
  readonly bounded = new Map<IrValue, number>();
  /** Types of the elementwise operators in this graph. */
  readonly pointwise = new Set<string>();
  private readonly known = new Map<string, IrNode>();
  private readonly tables = new Map<string, IrValue>();
  private nextId = 0;

  /**
   * @param block channels per block of the NCHWc layout; 0 if it is not available
   * @param provider the execution provider; some lack operators or have bugs
   */
  constructor(
    readonly block = 0,
    readonly provider = 'cpu',
  ) {}

  /** A node with one result. */
  node(
    type: string,
    inputs: (IrValue | null)[],
    shape: readonly number[],
    dtype: IrDtype,
    attributes: Attributes = {},
    domain = '',
  ): IrValue {
    return this.nodes(type, inputs, [{shape, dtype}], attributes, domain)[0];
  }

  /** A node with several results. */
  nodes(
    type: string,
    inputs: (IrValue | null)[],
    outputs: OutputSpec[],
    attributes: Attributes = {},
    domain = '',
  ): IrValue[] {
    const ids = inputs.map(v => v?.id ?? -1);
    if (COMMUTATIVE.has(type)) ids.sort((a, b) => a - b);
    const key = `${type}|${domain}|${ids.join()}|${JSON.stringify(attributes)}|${outputs.map(o => `${o.dtype}${o.shape.join()}`).join(';')}`;
    return this.remember(
      key,
      () => ({type, domain, inputs, attributes}),
      outputs,
    ).outputs;
  }

  input(slot: number, shape: readonly number[], dtype: IrDtype): IrValue {
    return this.node('Input', [], shape, dtype, {slot});
  }

  /** A tensor with the same number in every element. */
  splat(value: number, shape: readonly number[], dtype: IrDtype): IrValue {
    const text = Object.is(value, -0) ? '-0' : String(value);
    return this.node('Splat', [], shape, dtype, {value: text});
  }

  scalar(value: number, dtype: IrDtype = 'float32'): IrValue {
    return this.splat(value, [], dtype);
  }

  constant(data: IrData, shape: readonly number[], dtype: IrDtype): IrValue {
    const key = `Constant|${dtype}|${shape.join()}|${data.length <= 64 ? data.join() : `#${this.nextId}`}`;
    return this.remember(
      key,
      () => ({type: 'Constant', domain: '', inputs: [], attributes: {}, data}),
      [{shape, dtype}],
    ).outputs[0];
  }

  /** A constant of int32 with one entry per index; equal keys share it. */
  table(
    key: string,
    shape: readonly number[],
    entry: (index: readonly number[]) => number,
  ): IrValue {
    let table = this.tables.get(key);
    if (!table) {
      const index = shape.map(() => 0);
      const data = new Int32Array(size(shape));
      for (let i = 0; i < data.length; i++) {
        data[i] = entry(index);
        let axis = shape.length - 1;
        while (axis >= 0 && ++index[axis] === shape[axis]) index[axis--] = 0;
      }
      table = this.constant(data, shape, 'int32');
      this.tables.set(key, table);
    }
    return table;
  }

  /** A list of integers, the form in which ONNX takes shapes, axes and pads. */
  int64(values: readonly number[]): IrValue {
    return this.constant(
      BigInt64Array.from(values, v => BigInt(v)),
      [values.length],
      'int64',
    );
  }

  private remember(
    key: string,
    make: () => Omit<IrNode, 'outputs' | 'source'>,
    outputs: OutputSpec[],
  ): IrNode {
    const old = this.known.get(key);
    if (old) return old;
    const values: IrValue[] = [];
    const node: IrNode = {...make(), outputs: values, source: this.source};
    outputs.forEach(({shape, dtype}, index) => {
      values.push({id: this.nextId++, node, index, shape: [...shape], dtype});
    });
    this.known.set(key, node);
    return node;
  }
}

/** The number in every element of a splat; undefined for any other value. */
export function splatValue(value: IrValue): number | undefined {
  return value.node.type === 'Splat'
    ? Number(value.node.attributes.value)
    : undefined;
}

/** The number of elements of `value`. */
export function count(value: IrValue): number {
  return size(value.shape);
}
