import {mul} from '../graph/arithmetic.js';
import {NCHWC, block, unblock} from '../graph/blocked.js';
import type {Graph, IrValue} from '../graph/graph.js';
import {reshape, transpose} from '../graph/layout.js';
import {reduce} from '../graph/reduce.js';
import {concat, pad, slice} from '../graph/regions.js';
import {canGatherRows, filterGradientByRows} from './filter_gradient_rows.js';
import {type ConvInfo, convInfo} from './conv_info.js';
import {toNchw} from './convolution.js';
import {Unsupported, define} from './registry.js';

define('Conv2DBackpropFilter', (g, {x, dy}, attrs) => {
  const info = convInfo(x.shape, attrs.filterShape, attrs);
  if (x.shape[3] !== attrs.filterShape[2]) throw new Unsupported('groups');
  const gradient = toNchw(g, dy);
  if (g.block === 0 || info.outChannels % g.block !== 0) {
    return byTaps(g, padded(g, toNchw(g, x), info), gradient, info);
  }
  const result = canGatherRows(g, info)
    ? filterGradientByRows(g, toNchw(g, x), gradient, info)
    : swapped(g, padded(g, toNchw(g, x), info), gradient, info);
  // The identity keeps the layout from spreading to the optimizer's tensors.
  return g.node('Identity', [result], result.shape, 'float32');
});

/** The part of `x` (NCHW) that the windows cover, padding included. */
function padded(g: Graph, x: IrValue, info: ConvInfo): IrValue {
  const {top, left} = info.padInfo;
  const [n, c, h, w] = x.shape;
  const height =
    (info.outHeight - 1) * info.strideHeight + info.effectiveFilterHeight;
  const width =
    (info.outWidth - 1) * info.strideWidth + info.effectiveFilterWidth;
  const rows = Math.min(h, height - top);
  const columns = Math.min(w, width - left);
  const used = slice(g, x, [0, 0, 0, 0], [n, c, rows, columns]);
  return pad(g, used, [
    [0, 0],
    [0, 0],
    [top, height - top - rows],
    [left, width - left - columns],
  ]);
}

/**
 * The gradient is itself a convolution of the input with dy, with examples and
 * channels swapped and stride and dilation swapped. It is blocked along the
 * examples, whose number is padded with zeros.
 */
function swapped(g: Graph, x: IrValue, dy: IrValue, info: ConvInfo): IrValue {
  const b = g.block;
  const [n, ci, h, w] = x.shape;
  const [, co, oh, ow] = dy.shape;
  const extra = (b - (n % b)) % b;
  const examples = n + extra;
  const input = pad(g, x, [
    [0, extra],
    [0, 0],
    [0, 0],
    [0, 0],
  ]);
  const channelsFirst = g.node(
    'Transpose',
    [input],
    [ci, examples, h, w],
    'float32',
    {
      perm: [1, 0, 2, 3],
    },
  );
  const blocked = pad(g, block(g, dy), [
    [0, extra],
    [0, 0],
    [0, 0],
    [0, 0],
    [0, 0],
  ]);
  const split = reshape(g, blocked, [examples / b, b, co / b, oh * ow, b]);
  const weights = g.node(
    'Transpose',
    [split],
    [co / b, examples / b, oh * ow, b, b],
    'float32',
    {perm: [2, 0, 3, 1, 4]},
  );
  const shape = [ci, co, info.filterHeight, info.filterWidth];
  const sum = g.node(
    'Conv',
    [
      reshape(g, block(g, channelsFirst), channelsFirst.shape),
      reshape(g, weights, [co, examples, oh, ow]),
    ],
    shape,
    'float32',
    {
      kernel_shape: [oh, ow],
      pads: [0, 0, 0, 0],
      strides: [info.dilationHeight, info.dilationWidth],
      dilations: [info.strideHeight, info.strideWidth],
    },
    NCHWC,
  );
  const view = reshape(g, sum, [ci, co / b, shape[2], shape[3], b]);
  return transpose(g, unblock(g, view), [2, 3, 0, 1]);
}

/** Without blocks: one matrix product per tap of the filter. */
function byTaps(g: Graph, x: IrValue, dy: IrValue, info: ConvInfo): IrValue {
  const [n, ci] = x.shape;
  const [, co, oh, ow] = dy.shape;
  const outputs = transpose(g, reshape(g, dy, [n, co, oh * ow]), [0, 2, 1]);
  const products = taps(g, x, info).map(tap => {
    const inputs = reshape(g, tap, [n, ci, oh * ow]);
    const product = g.node('MatMul', [inputs, outputs], [n, ci, co], 'float32');
    return reduce(g, 'ReduceSum', product, [0]);
  });
  const shape = [info.filterHeight, info.filterWidth, ci, co];
  return reshape(g, concat(g, products, 0), shape);
}

/** For each tap of the filter, row by row, the inputs it meets: [N, C, outHeight, outWidth]. */
function taps(g: Graph, x: IrValue, info: ConvInfo): IrValue[] {
  const [n, c] = x.shape;
  const shape = [n, c, info.outHeight, info.outWidth];
  const strides = [1, 1, info.strideHeight, info.strideWidth];
  const result: IrValue[] = [];
  for (let i = 0; i < info.filterHeight; i++) {
    for (let j = 0; j < info.filterWidth; j++) {
      const begin = [0, 0, i * info.dilationHeight, j * info.dilationWidth];
      result.push(slice(g, x, begin, shape, strides));
    }
  }
  return result;
}

define('DepthwiseConv2dNativeBackpropFilter', (g, {x, dy}, attrs) => {
  const info = convInfo(x.shape, attrs.filterShape, attrs, true);
  const [, , c, m] = attrs.filterShape as number[];
  const [n, oh, ow] = dy.shape;
  const gradient = reshape(g, toNchw(g, dy), [n, c, m, oh, ow]);
  const sums = taps(g, padded(g, toNchw(g, x), info), info).map(tap => {
    const product = mul(g, reshape(g, tap, [n, c, 1, oh, ow]), gradient);
    return reduce(g, 'ReduceSum', product, [0, 3, 4]);
  });
  return reshape(g, concat(g, sums, 0), attrs.filterShape);
});
