import type {Graph, IrNode, IrValue} from '../graph/graph.js';
import {reshape, transpose} from '../graph/layout.js';
import {type Rewriting, rewrite} from './rewrite.js';
import {padRank, sameShape, size} from '../graph/shape.js';

/** Rewrites the remaining transposes into forms that ONNX Runtime runs faster on a CPU. */
export function rewriteTransposes(g: Graph, outputs: IrValue[]): IrValue[] {
  if (g.provider !== 'cpu') return outputs;
  return rewrite(g, outputs, (node, rewriting) => {
    if (node.type !== 'Transpose') return undefined;
    return (
      beforeShortRows(g, node, rewriting) ?? splitInTwo(g, node, rewriting)
    );
  });
}

/** Rows shorter than this are processed slowly, one at a time. */
const SHORT_ROW = 8;

/**
 * One number per channel broadcasts slowly over NHWC images of three channels and
 * fast over NCHW ones, so an image that is transposed anyway is transposed first.
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

/** `x` transposed, computed from transposed operands; undefined if it cannot be. */
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
      // Only one axis is longer than 1, so a reshape moves it.
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

/** Whether `v` has one number per entry of the last axis of `x`, and nothing else. */
function isRow(v: IrValue, x: IrValue): boolean {
  const n = x.shape.at(-1)!;
  return n > 1 && v.shape.at(-1) === n && size(v.shape) === n;
}

/** Smaller transposes take too little time to matter. */
const LARGE = 16384;

/**
 * A transpose that moves the last axis and others copies number by number (a
 * filter of 64 × 64 × 3 × 3 in blocks takes 184 µs). Moving only the last axis is
 * fast, and so is moving the others, by rows (24 µs each).
 */
function splitInTwo(
  g: Graph,
  node: IrNode,
  {now}: Rewriting,
): IrValue | undefined {
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
