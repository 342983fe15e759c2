import {add} from '../graph/arithmetic.js';
import {type Graph, type IrValue, splatValue} from '../graph/graph.js';
import {
  NCHW_TO_NHWC,
  NHWC_TO_NCHW,
  reshape,
  transpose,
} from '../graph/layout.js';
import {concat, pad, padsOf} from '../graph/regions.js';
import {activate} from './activations.js';
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
  outputShape,
} from './conv_info.js';
import {plainConv} from './plain_conv.js';
import {type Attrs, type LoweringInputs, define} from './registry.js';

export const toNchw = (g: Graph, x: IrValue) => transpose(g, x, NHWC_TO_NCHW);
export const toNhwc = (g: Graph, x: IrValue) => transpose(g, x, NCHW_TO_NHWC);

/** `x` and the result are NHWC, `filter` is [H, W, in, out]. */
function conv2d(
  g: Graph,
  x: IrValue,
  filter: IrValue,
  info: ConvInfo,
): IrValue {
  const [, , ci, co] = filter.shape;
  if (x.shape[3] % ci !== 0) {
    throw new Error(
      `a filter for ${ci} channels does not fit an input of ${x.shape[3]}`,
    );
  }
  const attributes = convAttributes(info);
  const shape = outputShape(info);
  const input = toNchw(g, x);
  if (x.shape[3] === ci && canBlock(g, ci, co)) {
    return toNhwc(
      g,
      blockedConv(g, input, blockFilter(g, filter), shape, attributes),
    );
  }
  const weights = transpose(g, filter, [3, 2, 0, 1]);
  // As in tfjs, a filter with fewer channels means groups.
  const group = x.shape[3] / ci;
  const all = {...attributes, group};
  return toNhwc(
    g,
    group === 1
      ? plainConv(g, input, weights, shape, attributes)
      : g.node('Conv', [input, weights], shape, 'float32', all),
  );
}

function depthwise(
  g: Graph,
  x: IrValue,
  filter: IrValue,
  info: ConvInfo,
): IrValue {
  if (filter.shape[2] !== info.inChannels) {
    throw new Error(
      `a filter for ${filter.shape[2]} channels does not fit an input of ${info.inChannels}`,
    );
  }
  const copies = columnsPerBlock(g, filter, info);
  if (copies > 1) {
    const [n, , w, c] = x.shape;
    const tiled = concat(g, Array<IrValue>(copies).fill(filter), 2);
    const {outHeight, outWidth, ...rest} = info;
    const y = depthwise(g, widened(g, x, copies), tiled, {
      ...rest,
      outHeight,
      inWidth: w / copies,
      outWidth: outWidth / copies,
      inChannels: c * copies,
      outChannels: c * copies,
    });
    return reshape(g, y, [n, outHeight, outWidth, c]);
  }
  const attributes = {...convAttributes(info), group: info.inChannels};
  const shape = outputShape(info);
  const input = toNchw(g, x);
  if (filter.shape[3] === 1 && canBlock(g, info.inChannels, info.inChannels)) {
    const weights = blockDepthwiseFilter(g, filter);
    return toNhwc(g, blockedConv(g, input, weights, shape, attributes));
  }
  const weights = depthwiseFilter(g, filter);
  return toNhwc(
    g,
    g.node('Conv', [input, weights], shape, 'float32', attributes),
  );
}

/**
 * Number of neighboring columns that together fill a block, if there are too few
 * channels for one and the filter is one column wide; otherwise 1.
 */
function columnsPerBlock(g: Graph, filter: IrValue, info: ConvInfo): number {
  const {inChannels, inWidth, outWidth, filterWidth, strideWidth} = info;
  if (g.block === 0 || g.block % inChannels !== 0) return 1;
  if (filter.shape[3] !== 1) return 1;
  if (filterWidth !== 1 || strideWidth !== 1 || inWidth !== outWidth) return 1;
  const copies = g.block / inChannels;
  return inWidth % copies === 0 ? copies : 1;
}

/** `x` with `copies` neighboring columns as channels of one. A padding of rows moves outside. */
function widened(g: Graph, x: IrValue, copies: number): IrValue {
  const [n, h, w, c] = x.shape;
  const shape = [n, h, w / copies, c * copies];
  if (x.node.type !== 'Pad') return reshape(g, x, shape);
  const [below, , value] = x.node.inputs as IrValue[];
  const pads = padsOf(x);
  const onlyRows = pads.every(([a, b], i) => i === 1 || (a === 0 && b === 0));
  if (!onlyRows) return reshape(g, x, shape);
  shape[1] = below.shape[1];
  return pad(g, reshape(g, below, shape), pads, splatValue(value));
}

/** [H, W, in, multiplier] → [in * multiplier, 1, H, W] */
export function depthwiseFilter(g: Graph, filter: IrValue): IrValue {
  const [h, w, c, m] = filter.shape;
  const moved = transpose(g, filter, [2, 3, 0, 1]);
  return reshape(g, moved, [c * m, 1, h, w]);
}

function finish(
  g: Graph,
  y: IrValue,
  {bias, preluActivationWeights}: LoweringInputs,
  attrs: Attrs,
): IrValue {
  const summed = bias ? add(g, y, bias) : y;
  return activate(g, summed, attrs, preluActivationWeights);
}

define('Conv2D', (g, {x, filter}, attrs) =>
  conv2d(g, x, filter, convInfo(x.shape, filter.shape, attrs)),
);

define('FusedConv2D', (g, inputs, attrs) => {
  const {x, filter} = inputs;
  const info = convInfo(x.shape, filter.shape, attrs);
  return finish(g, conv2d(g, x, filter, info), inputs, attrs);
});

define('DepthwiseConv2dNative', (g, {x, filter}, attrs) =>
  depthwise(g, x, filter, convInfo(x.shape, filter.shape, attrs, true)),
);

define('FusedDepthwiseConv2D', (g, inputs, attrs) => {
  const {x, filter} = inputs;
  const info = convInfo(x.shape, filter.shape, attrs, true);
  return finish(g, depthwise(g, x, filter, info), inputs, attrs);
});
