import {block, unblock} from '../graph/blocked.js';
import type {Graph, IrValue} from '../graph/graph.js';
import {reshape, transpose} from '../graph/layout.js';
import {pad, slice} from '../graph/regions.js';
import {fitsTable, gatherRows} from '../graph/gather_rows.js';
import {blockFilter, blockedConv} from './blocked_conv.js';
import type {ConvInfo} from './conv_info.js';

/*
 * The gradient of the input of a strided convolution, as one convolution of dy at
 * stride 1. Row j of the padded input meets only the taps k ≡ j (mod stride), so the
 * rows with one remainder r = j mod stride are a convolution of dy with those taps,
 * rotated. All remainders together are the channels of one convolution, whose pixels
 * are then interleaved ("sub-pixel convolution", Shi et al. 2016). A transposed
 * convolution would leave the blocked layout.
 */

/** The convolution along one axis. */
interface Axis {
  stride: number;
  /** Number of taps per remainder; some of them are zero. */
  taps: number;
  /** Padding of the convolution of dy. */
  before: number;
  after: number;
  /** Number of its rows, and the row (in units of the stride) of the padded input that the first one is. */
  length: number;
  first: number;
  /** The input's padding before the first row. */
  padding: number;
}

/**
 * Whether this form applies. With fewer taps than the stride most taps would be zero;
 * with more padding than taps the padding here would be negative.
 */
export function hasSubPixelForm(g: Graph, info: ConvInfo): boolean {
  const {padInfo, filterHeight, filterWidth} = info;
  const {batchSize, inChannels, outChannels, inHeight, inWidth} = info;
  return (
    g.block > 0 &&
    inChannels % g.block === 0 &&
    outChannels % g.block === 0 &&
    info.dilationHeight === 1 &&
    info.dilationWidth === 1 &&
    filterHeight >= info.strideHeight &&
    filterWidth >= info.strideWidth &&
    Math.max(padInfo.top, padInfo.bottom) < filterHeight &&
    Math.max(padInfo.left, padInfo.right) < filterWidth &&
    fitsTable(batchSize * (inChannels / g.block) * inHeight * inWidth)
  );
}

/** The input's gradient, NCHW, from `dy` in NCHW and tfjs's filter. */
export function subPixelInputGradient(
  g: Graph,
  dy: IrValue,
  filter: IrValue,
  info: ConvInfo,
): IrValue {
  const {batchSize: n, inChannels: ci, inHeight: h, inWidth: w} = info;
  const b = g.block;
  const [rows, columns] = axes(info);
  const remainders = rows.stride * columns.stride;
  const small = blockedConv(
    g,
    dy,
    blockFilter(g, filterByRemainder(g, filter, rows, columns)),
    [n, remainders * ci, rows.length, columns.length],
    {
      kernel_shape: [rows.taps, columns.taps],
      pads: [rows.before, columns.before, rows.after, columns.after],
      strides: [1, 1],
      dilations: [1, 1],
    },
  );
  const groups = ci / b;
  const shape = [n, groups, h, w];
  const key = `interleave ${[shape, info.strideHeight, info.strideWidth, rows.first, columns.first, rows.padding, columns.padding, rows.length, columns.length].join()}`;
  const gathered = gatherRows(g, block(g, small), key, shape, index => {
    const [example, c, i, j] = index;
    const [q, r] = split(i, rows);
    const [p, s] = split(j, columns);
    const channel = (r * columns.stride + s) * groups + c;
    return (
      ((example * remainders * groups + channel) * rows.length + q) *
        columns.length +
      p
    );
  });
  return unblock(g, gathered);
}

function axes(info: ConvInfo): [Axis, Axis] {
  const {top, left} = info.padInfo;
  return [
    axis(
      info.inHeight,
      info.outHeight,
      info.filterHeight,
      info.strideHeight,
      top,
    ),
    axis(info.inWidth, info.outWidth, info.filterWidth, info.strideWidth, left),
  ];
}

function axis(
  input: number,
  output: number,
  filter: number,
  stride: number,
  padding: number,
): Axis {
  const taps = Math.ceil(filter / stride);
  const first = Math.floor(padding / stride);
  const last = Math.floor((input - 1 + padding) / stride);
  return {
    stride,
    taps,
    before: taps - 1 - first,
    after: last - (output - 1),
    length: last - first + 1,
    first,
    padding,
  };
}

/** The row of the small convolution that holds row `i` of the input, and its remainder. */
function split(i: number, {stride, first, padding}: Axis): [number, number] {
  const j = i + padding;
  return [Math.floor(j / stride) - first, j % stride];
}

/** The rotated filter as [taps, taps, out, remainder · remainder · in]. */
function filterByRemainder(
  g: Graph,
  filter: IrValue,
  rows: Axis,
  columns: Axis,
): IrValue {
  const [kh, kw, ci, co] = filter.shape;
  const [th, sh, tw, sw] = [
    rows.taps,
    rows.stride,
    columns.taps,
    columns.stride,
  ];
  const whole = pad(g, filter, [
    [0, th * sh - kh],
    [0, tw * sw - kw],
    [0, 0],
    [0, 0],
  ]);
  const byTap = reshape(g, whole, [th, sh, tw, sw, ci, co]);
  const rotated = slice(
    g,
    byTap,
    [th - 1, 0, tw - 1, 0, 0, 0],
    byTap.shape,
    [-1, 1, -1, 1, 1, 1],
  );
  const ordered = transpose(g, rotated, [0, 2, 5, 1, 3, 4]);
  return reshape(g, ordered, [th, tw, co, sh * sw * ci]);
}
