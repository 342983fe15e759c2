import {type Graph, type IrData, type IrValue, splatValue} from './graph.js';
import {inverse, sameShape, size} from './shape.js';

export const NHWC_TO_NCHW = [0, 3, 1, 2];
export const NCHW_TO_NHWC = [0, 2, 3, 1];

/** The permutation of a Transpose node, or undefined. */
export function permutationOf(v: IrValue): number[] | undefined {
  return v.node.type === 'Transpose'
    ? (v.node.attributes.perm as number[])
    : undefined;
}

/**
 * Transposes move towards the results: two in a row become one or none, and every
 * other builder moves them from its inputs to its output. tfjs uses NHWC and ONNX
 * convolution NCHW, so nearly all transposes of a network meet their inverse.
 */
export function transpose(
  g: Graph,
  x: IrValue,
  permutation: readonly number[],
): IrValue {
  if (permutation.every((from, to) => from === to)) return x;
  const shape = permutation.map(i => x.shape[i]);
  const number = splatValue(x);
  if (number !== undefined) return g.splat(number, shape, x.dtype);
  const before = permutationOf(x);
  if (before) {
    return transpose(
      g,
      x.node.inputs[0]!,
      permutation.map(i => before[i]),
    );
  }
  if (x.node.data) {
    return g.constant(permuted(x, permutation), shape, x.dtype);
  }
  // If only axes of length 1 move, the data does not change.
  const moved = permutation.filter(i => x.shape[i] !== 1);
  if (moved.every((axis, i) => i === 0 || moved[i - 1] < axis)) {
    return reshape(g, x, shape);
  }
  return g.node('Transpose', [x], shape, x.dtype, {perm: [...permutation]});
}

export function reshape(
  g: Graph,
  x: IrValue,
  shape: readonly number[],
): IrValue {
  if (sameShape(x.shape, shape)) return x;
  const number = splatValue(x);
  if (number !== undefined) return g.splat(number, shape, x.dtype);
  if (x.node.data) return g.constant(x.node.data, shape, x.dtype);
  if (x.node.type === 'Reshape') return reshape(g, x.node.inputs[0]!, shape);
  return (
    reshapeBelowTranspose(g, x, shape) ??
    g.node('Reshape', [x, g.int64(shape)], shape, x.dtype)
  );
}

/**
 * A reshape can move below a transpose if each axis is only split, or merged with
 * axes that are neighbors below too. Axes of length 1 can move anywhere.
 */
function reshapeBelowTranspose(
  g: Graph,
  x: IrValue,
  shape: readonly number[],
): IrValue | undefined {
  const permutation = permutationOf(x);
  if (!permutation) return undefined;
  const groups = axisGroups(x.shape, shape);
  // The position of each group below the transpose, if it is contiguous there.
  const below = x.node.inputs[0]!.shape;
  const places = below.map((_, i) => i).filter(i => below[i] !== 1);
  const moved = groups?.map(({from, to}) => ({
    to,
    places: from.map(axis => places.indexOf(permutation[axis])),
  }));
  if (
    !moved?.every(group =>
      group.places.every((place, i) => place === group.places[0] + i),
    )
  ) {
    return undefined;
  }
  moved.sort((a, b) => a.places[0] - b.places[0]);
  const ones = shape.map((_, i) => i).filter(i => shape[i] === 1);
  const axes = [...moved.flatMap(group => group.to), ...ones];
  const reshaped = reshape(
    g,
    x.node.inputs[0]!,
    axes.map(i => shape[i]),
  );
  return transpose(g, reshaped, inverse(axes));
}

/**
 * The smallest groups of neighboring axes, without those of length 1, that hold
 * the same elements before and after a reshape; undefined for empty tensors.
 */
function axisGroups(
  before: readonly number[],
  after: readonly number[],
): {from: number[]; to: number[]}[] | undefined {
  if (size(before) === 0) return undefined;
  const long = (shape: readonly number[]) =>
    shape.map((_, i) => i).filter(i => shape[i] !== 1);
  const [from, to] = [long(before), long(after)];
  const groups: {from: number[]; to: number[]}[] = [];
  while (from.length > 0) {
    const group = {from: [from.shift()!], to: [to.shift()!]};
    let [old, young] = [before[group.from[0]], after[group.to[0]]];
    while (old !== young) {
      if (old < young) {
        group.from.push(from.shift()!);
        old *= before[group.from.at(-1)!];
      } else {
        group.to.push(to.shift()!);
        young *= after[group.to.at(-1)!];
      }
    }
    groups.push(group);
  }
  return groups;
}

export function expand(
  g: Graph,
  x: IrValue,
  shape: readonly number[],
): IrValue {
  if (sameShape(x.shape, shape)) return x;
  const number = splatValue(x);
  if (number !== undefined) return g.splat(number, shape, x.dtype);
  const permutation = permutationOf(x);
  if (permutation && shape.length === x.shape.length) {
    const below = inverse(permutation).map(i => shape[i]);
    return transpose(g, expand(g, x.node.inputs[0]!, below), permutation);
  }
  return g.node('Expand', [x, g.int64(shape)], shape, x.dtype);
}

/** How to work below a layout operation instead of on its result. */
export interface View {
  /** The shape below. */
  shape: readonly number[];
  /** Brings an operand that broadcasts against the result into the layout below; undefined if it cannot. */
  lower(operand: IrValue): IrValue | undefined;
  /** Brings a result from the layout below back. */
  raise(result: IrValue): IrValue;
}

/** The view below a transpose. */
export function transposedView(g: Graph, v: IrValue): View | undefined {
  const permutation = permutationOf(v);
  if (!permutation) return undefined;
  const back = inverse(permutation);
  return {
    shape: v.node.inputs[0]!.shape,
    lower: operand =>
      operand.shape.length === 0
        ? operand
        : transpose(g, withRank(g, operand, permutation.length), back),
    raise: result => transpose(g, result, permutation),
  };
}

export function withRank(g: Graph, x: IrValue, rank: number): IrValue {
  if (x.shape.length >= rank) return x;
  const ones = Array<number>(rank - x.shape.length).fill(1);
  return reshape(g, x, [...ones, ...x.shape]);
}

function permuted(x: IrValue, permutation: readonly number[]): IrData {
  const data = x.node.data!;
  const strides = x.shape.map((_, i) => size(x.shape.slice(i + 1)));
  const shape = permutation.map(i => x.shape[i]);
  const steps = permutation.map(i => strides[i]);
  const out = data.slice() as IrData;
  const index = shape.map(() => 0);
  for (let to = 0, from = 0; to < out.length; to++) {
    out[to] = data[from];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]++;
      from += steps[axis];
      if (index[axis] < shape[axis]) break;
      from -= steps[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return out;
}
