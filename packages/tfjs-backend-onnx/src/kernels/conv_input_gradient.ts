import {add} from '../graph/arithmetic.js';
import type {Attributes, Graph, IrValue} from '../graph/graph.js';
import {reshape, transpose} from '../graph/layout.js';
import {slice} from '../graph/regions.js';
import {
  blockDepthwiseFilter,
  blockFilter,
  blockedConv,
  canBlock,
} from './blocked_conv.js';
import {
  type ConvInfo,
  convAttributes,
  convInfo,
  unreached,
} from './conv_info.js';
import {depthwiseFilter, toNchw, toNhwc} from './convolution.js';
import {plainConv} from './plain_conv.js';
import {Unsupported, define} from './registry.js';
import {
  hasSubPixelForm,
  subPixelInputGradient,
} from './sub_pixel_input_gradient.js';

define('Conv2DBackpropInput', (g, {dy, filter}, attrs) => {
  const shape = attrs.inputShape as number[];
  const info = convInfo(shape, filter.shape, attrs);
  if (shape[3] !== filter.shape[2]) throw new Unsupported('groups');
  const result = [shape[0], shape[3], shape[1], shape[2]];
  const gradient = toNchw(g, windows(g, dy, info));
  if (canFlip(info)) {
    return toNhwc(g, flipped(g, gradient, filter, info, result));
  }
  return toNhwc(
    g,
    hasSubPixelForm(g, info)
      ? subPixelInputGradient(g, gradient, filter, info)
      : transposed(g, gradient, filter, info, result),
  );
});

/** Drops gradients for which the convolution has no window: conv2dTranspose may pass more. */
function windows(g: Graph, dy: IrValue, info: ConvInfo): IrValue {
  const [n, height, width, c] = dy.shape;
  const {outHeight, outWidth} = info;
  if (height === outHeight && width === outWidth) return dy;
  if (height < outHeight || width < outWidth) {
    throw new Unsupported('fewer gradients than windows');
  }
  return slice(g, dy, [0, 0, 0, 0], [n, outHeight, outWidth, c]);
}

/** Whether the stride is 1 and the convolution with the rotated filter needs no negative padding. */
function canFlip(info: ConvInfo): boolean {
  const {top, left, bottom, right} = info.padInfo;
  return (
    info.strideHeight === 1 &&
    info.strideWidth === 1 &&
    Math.max(top, bottom) < info.effectiveFilterHeight &&
    Math.max(left, right) < info.effectiveFilterWidth
  );
}

/** At stride 1: a convolution with the filter rotated by 180 degrees. */
function flipped(
  g: Graph,
  dy: IrValue,
  filter: IrValue,
  info: ConvInfo,
  shape: number[],
): IrValue {
  const [, , ci, co] = filter.shape;
  const rotated = rotate180(g, filter);
  const attributes = rotatedAttributes(info);
  if (canBlock(g, co, ci)) {
    const swapped = transpose(g, rotated, [0, 1, 3, 2]);
    return blockedConv(g, dy, blockFilter(g, swapped), shape, attributes);
  }
  const weights = transpose(g, rotated, [2, 3, 0, 1]);
  return plainConv(g, dy, weights, shape, attributes);
}

function rotate180(g: Graph, filter: IrValue): IrValue {
  const [kh, kw] = filter.shape;
  return slice(g, filter, [kh - 1, kw - 1, 0, 0], filter.shape, [-1, -1, 1, 1]);
}

/** Attributes of the convolution with the rotated filter. */
function rotatedAttributes(info: ConvInfo): Attributes {
  const {top, left, bottom, right} = info.padInfo;
  const height = info.effectiveFilterHeight - 1;
  const width = info.effectiveFilterWidth - 1;
  return {
    kernel_shape: [info.filterHeight, info.filterWidth],
    pads: [height - top, width - left, height - bottom, width - right],
    strides: [1, 1],
    dilations: [info.dilationHeight, info.dilationWidth],
  };
}

function transposed(
  g: Graph,
  dy: IrValue,
  filter: IrValue,
  info: ConvInfo,
  shape: number[],
): IrValue {
  const weights = transpose(g, filter, [3, 2, 0, 1]);
  const attributes = {
    ...convAttributes(info),
    output_padding: unreached(info, shape[2], shape[3]),
  };
  return g.node('ConvTranspose', [dy, weights], shape, 'float32', attributes);
}

define('DepthwiseConv2dNativeBackpropInput', (g, {dy, filter}, attrs) => {
  const shape = attrs.inputShape as number[];
  const info = convInfo(shape, filter.shape, attrs, true);
  const result = [shape[0], shape[3], shape[1], shape[2]];
  const [h, w, c, multiplier] = filter.shape;
  if (canFlip(info) && multiplier === 1 && canBlock(g, c, c)) {
    const weights = blockDepthwiseFilter(g, rotate180(g, filter));
    const attributes = {...rotatedAttributes(info), group: c};
    return toNhwc(
      g,
      blockedConv(g, toNchw(g, dy), weights, result, attributes),
    );
  }
  // The webgpu provider supports only one channel per group.
  const attributes = {
    ...convAttributes(info),
    output_padding: unreached(info, shape[1], shape[2]),
    group: c,
  };
  const [n, oh, ow] = dy.shape;
  const gradient = reshape(g, dy, [n, oh, ow, c, multiplier]);
  const parts = Array.from({length: multiplier}, (_, k) => {
    const its = slice(g, gradient, [0, 0, 0, 0, k], [n, oh, ow, c, 1]);
    const filters = slice(g, filter, [0, 0, 0, k], [h, w, c, 1]);
    return g.node(
      'ConvTranspose',
      [toNchw(g, reshape(g, its, [n, oh, ow, c])), depthwiseFilter(g, filters)],
      result,
      'float32',
      attributes,
    );
  });
  return toNhwc(
    g,
    parts.reduce((a, b) => add(g, a, b)),
  );
});
