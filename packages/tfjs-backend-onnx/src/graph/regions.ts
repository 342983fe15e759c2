import {type Graph, type IrValue, splatValue} from './graph.js';
import {permutationOf, transpose} from './layout.js';
import {inverse} from './shape.js';
import {block, unblock} from './blocked.js';

/** Adds `pads[axis] = [before, after]` elements of `value`. */
export function pad(
  g: Graph,
  x: IrValue,
  pads: readonly (readonly [number, number])[],
  value = 0,
): IrValue {
  if (pads.every(([before, after]) => before === 0 && after === 0)) return x;
  const permutation = permutationOf(x);
  if (permutation) {
    const lowered = inverse(permutation).map(i => pads[i]);
    return transpose(g, pad(g, x.node.inputs[0]!, lowered, value), permutation);
  }
  const blocked = x.node.type === 'Unblock' && blockedPads(g, pads);
  if (blocked) return unblock(g, pad(g, block(g, x), blocked, value));
  const shape = x.shape.map((d, i) => d + pads[i][0] + pads[i][1]);
  if (x.node.type === 'Pad' && x.node.inputs[2] === g.scalar(value, x.dtype)) {
    return pad(g, x.node.inputs[0]!, combinedPads(x, pads), value);
  }
  const ends = [...pads.map(p => p[0]), ...pads.map(p => p[1])];
  return g.node(
    'Pad',
    [x, g.int64(ends), g.scalar(value, x.dtype)],
    shape,
    x.dtype,
  );
}

/** The number of elements that the Pad node of `x` adds before and after each axis. */
export function padsOf(x: IrValue): [number, number][] {
  const ends = Array.from(x.node.inputs[1]!.node.data!, Number);
  return x.shape.map((_, i) => [ends[i], ends[i + x.shape.length]]);
}

/** The sum of `pads` and those of the Pad node of `x`. */
function combinedPads(
  x: IrValue,
  pads: readonly (readonly [number, number])[],
): [number, number][] {
  const inner = padsOf(x);
  return pads.map(([before, after], i) => [
    before + inner[i][0],
    after + inner[i][1],
  ]);
}

function blockedPads(g: Graph, pads: readonly (readonly [number, number])[]) {
  const [n, c, h, w] = pads;
  if (c.some(p => p % g.block !== 0)) return undefined;
  return [n, [c[0] / g.block, c[1] / g.block] as const, h, w, [0, 0] as const];
}

/** The region of shape `size` that starts at `begin` and takes every `strides`-th element. */
export function slice(
  g: Graph,
  x: IrValue,
  begin: readonly number[],
  size: readonly number[],
  strides: readonly number[] = begin.map(() => 1),
): IrValue {
  const whole = (i: number) =>
    begin[i] === 0 && size[i] === x.shape[i] && strides[i] === 1;
  const axes = x.shape.map((_, i) => i).filter(i => !whole(i));
  if (axes.length === 0) return x;
  const number = splatValue(x);
  if (number !== undefined) return g.splat(number, size, x.dtype);
  const permutation = permutationOf(x);
  if (permutation) {
    const down = <T>(list: readonly T[]) =>
      inverse(permutation).map(i => list[i]);
    const region = slice(
      g,
      x.node.inputs[0]!,
      down(begin),
      down(size),
      down(strides),
    );
    return transpose(g, region, permutation);
  }
  if (x.node.type === 'Unblock' && axes.every(a => a !== 1)) {
    const b = g.block;
    const insert = (list: readonly number[], c: number, last: number) => [
      list[0],
      c,
      list[2],
      list[3],
      last,
    ];
    const blocked = block(g, x);
    const region = slice(
      g,
      blocked,
      insert(begin, 0, 0),
      insert(size, blocked.shape[1], b),
      insert(strides, 1, 1),
    );
    return unblock(g, region);
  }
  const [data, index] = x.node.inputs;
  if (x.node.type === 'Gather' && index!.node.data) {
    const {axis} = x.node.attributes;
    const rank = index!.shape.length;
    if (axis === 0 && axes.every(a => a < rank)) {
      const part = tableRegion(g, index!, begin, size.slice(0, rank), strides);
      return g.node('Gather', [data, part], size, x.dtype, {axis});
    }
  }
  // Negative strides only from the end: elsewhere the webgpu provider starts too early.
  if (axes.some(i => strides[i] < 0 && begin[i] < x.shape[i] - 1)) {
    const upTo = x.shape.map((d, i) => (strides[i] < 0 ? begin[i] + 1 : d));
    const zeros = begin.map(() => 0);
    return slice(g, slice(g, x, zeros, upTo), begin, size, strides);
  }
  const ends = axes.map(i => {
    const end = begin[i] + (size[i] - 1) * strides[i] + Math.sign(strides[i]);
    return end < 0 ? -1e9 : end;
  });
  return g.node(
    'Slice',
    [
      x,
      g.int64(axes.map(i => begin[i])),
      g.int64(ends),
      g.int64(axes),
      g.int64(axes.map(i => strides[i])),
    ],
    size,
    x.dtype,
  );
}

/** A region of a constant table. */
function tableRegion(
  g: Graph,
  table: IrValue,
  begin: readonly number[],
  size: readonly number[],
  strides: readonly number[],
): IrValue {
  const key = `region of ${table.id}: ${[begin, size, strides].join(' ')}`;
  return g.table(key, size, index => {
    const at = (sum: number, d: number, axis: number) =>
      sum * d + begin[axis] + index[axis] * strides[axis];
    return Number(table.node.data![table.shape.reduce(at, 0)]);
  });
}

export function concat(g: Graph, parts: IrValue[], axis: number): IrValue {
  if (parts.length === 1) return parts[0];
  const transposed = parts.find(v => permutationOf(v));
  if (!transposed) return join(g, parts, axis);
  const permutation = permutationOf(transposed)!;
  const back = inverse(permutation);
  const lowered = parts.map(v => transpose(g, v, back));
  // Only once: parts with different layouts would move the transpose back and forth forever.
  return transpose(g, join(g, lowered, permutation[axis]), permutation);
}

function join(g: Graph, parts: IrValue[], axis: number): IrValue {
  const shape = [...parts[0].shape];
  shape[axis] = parts.reduce((sum, v) => sum + v.shape[axis], 0);
  const splat = splatValue(parts[0]);
  if (splat !== undefined && parts.every(v => splatValue(v) === splat)) {
    return g.splat(splat, shape, parts[0].dtype);
  }
  if (axis <= 1 && parts.every(v => v.node.type === 'Unblock')) {
    return unblock(
      g,
      concat(
        g,
        parts.map(v => block(g, v)),
        axis,
      ),
    );
  }
  return g.node('Concat', parts, shape, parts[0].dtype, {axis});
}
