import type {Graph, IrNode, IrValue} from '../graph/graph.js';
import {reshape, transpose} from '../graph/layout.js';
import {type Rewriting, rewrite} from './rewrite.js';
import {padRank, sameShape, size} from '../graph/shape.js';

/** Transposes that are left, in forms that ONNX Runtime is faster at on a CPU. */
export function fasterTransposes(g: Graph, outputs: IrValue[]): IrValue[] {
  if (g.provider !== 'cpu') return outputs;
  return rewrite(g, outputs, (node, rewriting) => {
    if (node.type !== 'Transpose') return undefined;
    return beforeShortRows(g, node, rewriting) ?? inTwo(g, node, rewriting);
  });
}

/** Rows of so few numbers are worked on one row at a time. */
const SHORT_ROW = 8;

/**
 * One number for each channel broadcasts slowly over NHWC images of three
 * channels and quickly over NCHW ones: what is to be transposed anyway is
 * transposed before.
 */
function beforeShortRows(
  g: Graph,
  node: IrNode,
  rewriting: Rewriting,
): IrValue | undefined {
  const permutation = node.attributes.perm as number[];
  const [x] = node.inputs as IrValue[];
  const last = x.shape.length - 1;
  if (x.shape[last] >= SHORT_ROW || permutation[last] === last)
    return undefined;
  return lifted(g, x, permutation, rewriting);
}

/** `x` transposed, if it can be made of something transposed. */
function lifted(
  g: Graph,
  x: IrValue,
  permutation: number[],
  rewriting: Rewriting,
): IrValue | undefined {
  const {node} = x;
  if (!g.pointwise.has(node.type) || rewriting.uses(x) !== 1) return undefined;
  const operands = node.inputs as IrValue[];
  const large = operands.filter(v => sameShape(v.shape, x.shape));
  if (large.length !== 1 || !operands.some(v => isRow(v, x))) return undefined;
  const inputs: IrValue[] = [];
  for (const v of operands) {
    if (v === large[0]) {
      inputs.push(
        lifted(g, v, permutation, rewriting) ??
          transpose(g, rewriting.now(v), permutation),
      );
    } else if (isRow(v, x) || size(v.shape) === 1) {
      // Its one axis of more than one entry moves, which takes no transpose.
      const row = padRank(v.shape, x.shape.length);
      const moved = permutation.map(i => row[i]);
      const now = rewriting.now(v);
      inputs.push(v.shape.length === 0 ? now : reshape(g, now, moved));
    } else {
      return undefined;
    }
  }
  const shape = permutation.map(i => x.shape[i]);
  const {dtype} = x;
  return g.node(node.type, inputs, shape, dtype, node.attributes, node.domain);
}

/** Whether `v` has one number for each entry of the last axis of `x`. */
function isRow(v: IrValue, x: IrValue): boolean {
  const n = x.shape.at(-1)!;
  return n > 1 && v.shape.at(-1) === n && size(v.shape) === n;
}

/** Smaller ones take no time. */
const LARGE = 16384;

/**
 * A transpose that moves the last axis among other things goes number by number
 * (measured: a filter of 64 × 64 × 3 × 3 in blocks, 184 µs). Moving only that
 * axis is fast, and so is the rest, by rows (24 µs each).
 */
function inTwo(g: Graph, node: IrNode, {now}: Rewriting): IrValue | undefined {
  const permutation = node.attributes.perm as number[];
  const x = now(node.inputs[0]!);
  const {shape} = x;
  const axis = permutation.at(-1)!;
  const others = shape.map((_, i) => i).filter(i => i !== axis);
  const rest = permutation.slice(0, -1);
  const ordered = rest.every((from, i) => from === others[i]);
  if (axis === shape.length - 1 || ordered) return undefined;
  const raw = (type: string, v: IrValue, to: number[], perm?: number[]) =>
    perm
      ? g.node(type, [v], to, v.dtype, {perm})
      : g.node(type, [v, g.int64(to)], to, v.dtype);
  const before = size(shape.slice(0, axis));
  const after = size(shape.slice(axis + 1));
  const short = Math.min(shape[axis], after) < SHORT_ROW;
  if (short || size(shape) < LARGE) return undefined;
  const flat = raw('Reshape', x, [before, shape[axis], after]);
  const moved = raw('Transpose', flat, [before, after, shape[axis]], [0, 2, 1]);
  const split = raw(
    'Reshape',
    moved,
    [...others, axis].map(i => shape[i]),
  );
  return raw(
    'Transpose',
    split,
    permutation.map(i => shape[i]),
    permutation.map(i => (i === axis ? others.length : others.indexOf(i))),
  );
}
