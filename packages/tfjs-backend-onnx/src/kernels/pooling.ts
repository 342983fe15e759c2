import * as tf from '@tensorflow/tfjs-core';
import {mul} from '../graph/arithmetic.js';
import type {Graph, IrValue} from '../graph/graph.js';
import {expand, reshape} from '../graph/layout.js';
import {size} from '../graph/shape.js';
import {
  type ConvInfo,
  convAttributes,
  outputShape,
  unreached,
} from './conv_info.js';
import {toNchw, toNhwc} from './convolution.js';
import {maxPool, maxPoolIndices} from './max_pool_indices.js';
import {type Attrs, Unsupported, define} from './registry.js';

function poolInfo(
  shape: readonly number[],
  {filterSize, strides, pad, dimRoundingMode, dataFormat}: Attrs,
): ConvInfo {
  if (dataFormat && dataFormat !== 'NHWC')
    throw new Unsupported('data format NCHW');
  return tf.backend_util.computePool2DInfo(
    [...shape] as [number, number, number, number],
    filterSize,
    strides,
    1,
    pad,
    dimRoundingMode,
  );
}

define('MaxPool', (g, {x}, attrs) => {
  if (x.dtype !== 'float32') throw new Unsupported(`dtype ${x.dtype}`);
  return toNhwc(g, maxPool(g, toNchw(g, x), poolInfo(x.shape, attrs)));
});

/** Adds each gradient at the index of its window's maximum. */
define('MaxPoolGrad', (g, {dy, input}, attrs) => {
  const info = poolInfo(input.shape, attrs);
  const indices = maxPoolIndices(g, toNchw(g, input), info);
  const gradient = toNchw(g, dy);
  const [n, h, w, c] = input.shape;
  const total = size(input.shape);
  const m = size(gradient.shape);
  const overlap =
    info.filterHeight > info.strideHeight ||
    info.filterWidth > info.strideWidth;
  const sums = g.node(
    'ScatterElements',
    [
      g.splat(0, [total], 'float32'),
      reshape(g, indices, [m]),
      reshape(g, gradient, [m]),
    ],
    [total],
    'float32',
    overlap ? {axis: 0, reduction: 'add'} : {axis: 0},
  );
  return toNhwc(g, reshape(g, sums, [n, c, h, w]));
});

define('AvgPool', (g, {x}, attrs) => {
  if (x.dtype !== 'float32') throw new Unsupported(`dtype ${x.dtype}`);
  const info = poolInfo(x.shape, attrs);
  const {kernel_shape, pads, strides} = convAttributes(info);
  return toNhwc(
    g,
    g.node('AveragePool', [toNchw(g, x)], outputShape(info), 'float32', {
      kernel_shape,
      pads,
      strides,
    }),
  );
});

/**
 * Divides each gradient equally among the elements of its window. Padding is not
 * counted, as in the forward pass (the cpu backend's kernel counts it).
 */
define('AvgPoolGrad', (g, {dy, input}, attrs) => {
  const info = poolInfo(input.shape, attrs);
  const [n, h, w, c] = input.shape;
  const share = mul(g, dy, shares(g, info));
  if (info.outHeight === 1 && info.outWidth === 1 && coversAll(info)) {
    return expand(g, share, input.shape);
  }
  const window = [c, 1, info.filterHeight, info.filterWidth];
  const ones = g.splat(1, window, 'float32');
  const attributes = {
    ...convAttributes(info),
    group: c,
    output_padding: unreached(info, h, w),
  };
  const inputs = [toNchw(g, share), ones];
  return toNhwc(
    g,
    g.node('ConvTranspose', inputs, [n, c, h, w], 'float32', attributes),
  );
});

function coversAll(info: ConvInfo): boolean {
  const {top, left} = info.padInfo;
  return (
    info.effectiveFilterHeight - top >= info.inHeight &&
    info.effectiveFilterWidth - left >= info.inWidth
  );
}

/** 1 / the number of elements in each window: [outHeight, outWidth, 1]. */
function shares(g: Graph, info: ConvInfo): IrValue {
  const {top, left} = info.padInfo;
  const rows = counts(
    info.outHeight,
    info.strideHeight,
    info.filterHeight,
    top,
    info.inHeight,
  );
  const columns = counts(
    info.outWidth,
    info.strideWidth,
    info.filterWidth,
    left,
    info.inWidth,
  );
  const data = Float32Array.from(
    rows.flatMap(r => columns.map(c => 1 / (r * c))),
  );
  const shape = [info.outHeight, info.outWidth, 1];
  return data.every(v => v === data[0])
    ? g.splat(data[0], shape, 'float32')
    : g.constant(data, shape, 'float32');
}

function counts(
  windows: number,
  stride: number,
  length: number,
  before: number,
  total: number,
): number[] {
  return Array.from({length: windows}, (_, i) => {
    const begin = i * stride - before;
    return Math.min(begin + length, total) - Math.max(begin, 0);
  });
}
