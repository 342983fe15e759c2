import {add} from '../graph/arithmetic.js';
import {cast} from '../graph/cast.js';
import type {Graph, IrValue} from '../graph/graph.js';
import {reshape} from '../graph/layout.js';
import {concat, pad, slice} from '../graph/regions.js';
import {type ConvInfo, convAttributes, outputShape} from './conv_info.js';

/** The maximum of each window of `x` [N, C, H, W]. */
export function maxPool(g: Graph, x: IrValue, info: ConvInfo): IrValue {
  return withIndices(g, x, info)[0];
}

/** The flat index in `x` of each window's maximum. */
export function maxPoolIndices(g: Graph, x: IrValue, info: ConvInfo): IrValue {
  return g.provider === 'webgpu'
    ? byTaps(g, x, info)
    : withIndices(g, x, info)[1];
}

/** Values and indices; the forward pass and the gradient share the node. */
function withIndices(g: Graph, x: IrValue, info: ConvInfo): IrValue[] {
  const shape = outputShape(info);
  return g.nodes(
    'MaxPool',
    [x],
    [
      {shape, dtype: 'float32'},
      {shape, dtype: 'int64'},
    ],
    convAttributes(info),
  );
}

const LOWEST = -3.4028234e38;

/**
 * The indices without MaxPool, which returns only values on the webgpu provider:
 * the taps of the window are stacked, and ArgMax finds the first maximum.
 */
function byTaps(g: Graph, x: IrValue, info: ConvInfo): IrValue {
  const {outHeight, outWidth, strideHeight, strideWidth} = info;
  const {filterHeight, filterWidth} = info;
  const {top, left} = info.padInfo;
  const [n, c, h, w] = x.shape;
  const bottom = (outHeight - 1) * strideHeight + filterHeight - top - h;
  const right = (outWidth - 1) * strideWidth + filterWidth - left - w;
  const padded = pad(
    g,
    x,
    [
      [0, 0],
      [0, 0],
      [top, Math.max(bottom, 0)],
      [left, Math.max(right, 0)],
    ],
    LOWEST,
  );
  const shape = [n, c, outHeight, outWidth];
  const offsets: number[] = [];
  const taps: IrValue[] = [];
  for (let i = 0; i < filterHeight; i++) {
    for (let j = 0; j < filterWidth; j++) {
      const strides = [1, 1, strideHeight, strideWidth];
      const tap = slice(g, padded, [0, 0, i, j], shape, strides);
      taps.push(reshape(g, tap, [1, ...shape]));
      offsets.push(i * w + j);
    }
  }
  const largest = g.node('ArgMax', [concat(g, taps, 0)], shape, 'int64', {
    axis: 0,
    keepdims: 0,
  });
  const inWindow = g.node(
    'Gather',
    [list(g, offsets, [offsets.length]), cast(g, largest, 'int32')],
    shape,
    'int32',
    {axis: 0},
  );
  const windows = Array.from({length: outHeight * outWidth}, (_, k) => {
    const row = Math.floor(k / outWidth) * strideHeight - top;
    return row * w + (k % outWidth) * strideWidth - left;
  });
  const images = Array.from({length: n * c}, (_, k) => k * h * w);
  const begins = add(
    g,
    list(g, images, [n, c, 1, 1]),
    list(g, windows, [outHeight, outWidth]),
  );
  return add(g, inWindow, begins);
}

function list(g: Graph, numbers: number[], shape: number[]): IrValue {
  return g.constant(Int32Array.from(numbers), shape, 'int32');
}
