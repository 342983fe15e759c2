import {type Graph, type IrValue, splatValue} from './graph.js';
import {mul, narrowProduct} from './arithmetic.js';
import {permutationOf, reshape, transpose} from './layout.js';
import {padRank, positiveAxes, size} from './shape.js';

export type Reduction =
  'ReduceSum' | 'ReduceMean' | 'ReduceMax' | 'ReduceMin' | 'ReduceProd';

/** Reduces `axes`; with `keepDims` they stay, with length 1. */
export function reduce(
  g: Graph,
  type: Reduction,
  x: IrValue,
  axes: readonly number[],
  keepDims = false,
): IrValue {
  const over = positiveAxes(axes, x.shape.length);
  if (over.length === 0) return x;
  const kept = x.shape.map((d, i) => (over.includes(i) ? 1 : d));
  const shape = keepDims ? kept : x.shape.filter((_, i) => !over.includes(i));
  return reshape(g, reduceKept(g, type, x, over), shape);
}

function reduceKept(
  g: Graph,
  type: Reduction,
  x: IrValue,
  axes: number[],
): IrValue {
  const kept = x.shape.map((d, i) => (axes.includes(i) ? 1 : d));
  if (axes.every(a => x.shape[a] === 1)) return x;
  const number = splatValue(x);
  if (number !== undefined && size(x.shape) > 0) {
    const n = size(axes.map(a => x.shape[a]));
    if (type === 'ReduceSum' && x.dtype === 'float32') {
      return g.splat(Math.fround(number * n), kept, x.dtype);
    }
    if (type !== 'ReduceSum' && type !== 'ReduceProd') {
      return g.splat(number, kept, x.dtype);
    }
  }
  const permutation = permutationOf(x);
  if (permutation) {
    const below = axes.map(a => permutation[a]).sort((a, b) => a - b);
    const result = reduceKept(g, type, x.node.inputs[0]!, below);
    return transpose(g, result, permutation);
  }
  if (x.node.type === 'Unblock') {
    return reduceBlocked(g, type, x.node.inputs[0]!, axes, kept);
  }
  return factorOut(g, type, x, axes) ?? reduceAdjacent(g, type, x, axes);
}

/** Axis 1 of NCHW is axes 1 and 4 of the blocked form; the others are the same. */
function reduceBlocked(
  g: Graph,
  type: Reduction,
  x: IrValue,
  axes: number[],
  kept: number[],
): IrValue {
  const below = axes.includes(1) ? [...axes, 4] : axes;
  const result = reduceKept(g, type, x, below);
  if (axes.includes(1) || (kept[2] === 1 && kept[3] === 1)) {
    return reshape(g, result, kept);
  }
  return reshape(g, transpose(g, result, [0, 1, 4, 2, 3]), kept);
}

/** sum(x * c) = c * sum(x) if c does not vary along the axes. */
function factorOut(
  g: Graph,
  type: Reduction,
  x: IrValue,
  axes: number[],
): IrValue | undefined {
  if (type !== 'ReduceSum' && type !== 'ReduceMean') return undefined;
  if (x.dtype !== 'float32' || size(x.shape) < 4096) return undefined;
  const product = narrowProduct(g, x);
  if (!product) return undefined;
  const narrow = padRank(product.narrow.shape, x.shape.length);
  if (product.large.shape.length !== x.shape.length) return undefined;
  if (axes.some(a => narrow[a] !== 1 || product.large.shape[a] === 1)) {
    return undefined;
  }
  const sum = reduceKept(g, type, product.large, axes);
  return mul(g, sum, reshape(g, product.narrow, narrow));
}

/**
 * ONNX Runtime is fast if the reduced axes are adjacent. Otherwise (the channels of
 * the blocked layout are not) the axes are reduced in two steps, inner first.
 */
function reduceAdjacent(
  g: Graph,
  type: Reduction,
  x: IrValue,
  axes: number[],
): IrValue {
  const last = axes[axes.length - 1];
  let inner = axes.filter((a, i) => last - a === axes.length - 1 - i);
  const outer = axes.filter(a => !inner.includes(a));
  const gap = outer.some(a => x.shape[a] > 1);
  if (!gap) inner = axes;
  const kept = x.shape.map((d, i) => (inner.includes(i) ? 1 : d));
  const result = g.node(type, [x, g.int64(inner)], kept, x.dtype, {
    keepdims: 1,
  });
  return gap ? reduceAdjacent(g, type, result, outer) : result;
}
