import {type Graph, type IrValue, count, splatValue} from './graph.js';
import {unblock, unblockNarrow} from './blocked.js';
import {elementwise} from './elementwise.js';
import {expand, permutationOf, transpose, withRank} from './layout.js';
import {broadcast, sameShape, size} from './shape.js';

/*
 * Arithmetic, with the simplifications that change no result: x + 0, x * 1 and
 * constant folding. x * 0 is not simplified, since x may be infinite or NaN.
 */

export function add(g: Graph, a: IrValue, b: IrValue): IrValue {
  const shape = broadcast(a.shape, b.shape);
  if (splatValue(b) === 0) return expand(g, a, shape);
  if (splatValue(a) === 0) return expand(g, b, shape);
  return folded(g, a, b, (x, y) => x + y) ?? elementwise(g, 'Add', [a, b]);
}

export function sub(g: Graph, a: IrValue, b: IrValue): IrValue {
  const shape = broadcast(a.shape, b.shape);
  if (splatValue(b) === 0) return expand(g, a, shape);
  return folded(g, a, b, (x, y) => x - y) ?? elementwise(g, 'Sub', [a, b]);
}

export function mul(g: Graph, a: IrValue, b: IrValue): IrValue {
  const shape = broadcast(a.shape, b.shape);
  if (splatValue(b) === 1) return expand(g, a, shape);
  if (splatValue(a) === 1) return expand(g, b, shape);
  return (
    folded(g, a, b, (x, y) => x * y) ??
    narrowLast(g, a, b, shape) ??
    elementwise(g, 'Mul', [a, b])
  );
}

/** Division of floats; kernels/integer_division.ts divides integers. */
export function div(g: Graph, a: IrValue, b: IrValue): IrValue {
  const shape = broadcast(a.shape, b.shape);
  if (splatValue(b) === 1) return expand(g, a, shape);
  return folded(g, a, b, (x, y) => x / y) ?? elementwise(g, 'Div', [a, b]);
}

function folded(
  g: Graph,
  a: IrValue,
  b: IrValue,
  f: (x: number, y: number) => number,
): IrValue | undefined {
  const x = splatValue(a);
  const y = splatValue(b);
  if (x === undefined || y === undefined || a.dtype !== 'float32') {
    return undefined;
  }
  return g.splat(Math.fround(f(x, y)), broadcast(a.shape, b.shape), 'float32');
}

/** Smaller products are not worth reordering. */
const LARGE = 4096;

/**
 * The gradient of batch normalization repeatedly multiplies large tensors by one
 * number per channel. Products are normalized to (large * large) * narrow, so that
 * two narrow factors become one and equal products of large ones are shared.
 */
function narrowLast(
  g: Graph,
  a: IrValue,
  b: IrValue,
  shape: number[],
): IrValue | undefined {
  if (a.dtype !== 'float32' || size(shape) < LARGE) return undefined;
  for (const [x, y] of [
    [a, b],
    [b, a],
  ]) {
    const parts = narrowProduct(g, x);
    if (!parts || !sameShape(x.shape, shape)) continue;
    const narrow = unexpanded(g, y);
    if (isNarrow(narrow, shape)) {
      const factor = broadcast(parts.narrow.shape, narrow.shape);
      if (size(factor) * 4 > size(shape)) continue;
      return mul(g, parts.large, mul(g, parts.narrow, narrow));
    }
    return elementwise(g, 'Mul', [mul(g, parts.large, y), parts.narrow]);
  }
  return undefined;
}

/** The tensor that `v` expands along axes of length 1; `v` itself if it is no expansion. */
function unexpanded(g: Graph, v: IrValue): IrValue {
  const permutation = permutationOf(v);
  const below = permutation ? v.node.inputs[0]! : v;
  if (below.node.type !== 'Expand') return v;
  const source = withRank(g, below.node.inputs[0]!, v.shape.length);
  return permutation ? transpose(g, source, permutation) : source;
}

/** The factors of `v` = large * narrow, both in the layout of `v`; undefined if it is no such product. */
export function narrowProduct(
  g: Graph,
  v: IrValue,
): {large: IrValue; narrow: IrValue} | undefined {
  const permutation = permutationOf(v);
  if (permutation || v.node.type === 'Unblock') {
    const below = narrowProduct(g, v.node.inputs[0]!);
    if (!below) return undefined;
    const {large} = below;
    const narrow = withRank(g, below.narrow, large.shape.length);
    if (permutation) {
      return {
        large: transpose(g, large, permutation),
        narrow: transpose(g, narrow, permutation),
      };
    }
    const raised = unblockNarrow(g, narrow);
    return raised && {large: unblock(g, large), narrow: raised};
  }
  if (v.node.type !== 'Mul') return undefined;
  const [x, y] = v.node.inputs as IrValue[];
  if (isNarrow(y, v.shape) && !isNarrow(x, v.shape)) {
    return {large: x, narrow: y};
  }
  if (isNarrow(x, v.shape) && !isNarrow(y, v.shape)) {
    return {large: y, narrow: x};
  }
  return undefined;
}

function isNarrow(v: IrValue, shape: readonly number[]): boolean {
  return count(v) * 4 <= size(shape);
}
