import {NCHWC, block, unblock} from '../graph/blocked.js';
import type {Attributes, Graph, IrValue} from '../graph/graph.js';
import {reshape, transpose} from '../graph/layout.js';
import {absorbPadding} from './absorb_padding.js';

/** Whether ONNX Runtime can convolve this many channels in blocks. */
export function canBlock(g: Graph, inputs: number, outputs: number): boolean {
  const b = g.block;
  return b > 0 && outputs % b === 0 && (inputs % b === 0 || inputs < b);
}

/**
 * A blocked convolution of `x` [N, C, H, W] with `weights` in the layout of
 * {@link blockFilter}. The result has the NCHW shape `shape`.
 */
export function blockedConv(
  g: Graph,
  x: IrValue,
  weights: IrValue,
  shape: readonly number[],
  attributes: Attributes,
): IrValue {
  // The padding may have moved below the blocks.
  let {input, attributes: all} = absorbPadding(g, x, attributes);
  if (x.shape[1] % g.block === 0) {
    ({input, attributes: all} = absorbPadding(g, block(g, input), all));
  }
  const [, , rows, columns] = input.shape;
  const view = [x.shape[0], x.shape[1], rows, columns];
  const y = g.node(
    'Conv',
    [reshape(g, input, view), weights],
    shape,
    'float32',
    all,
    NCHWC,
  );
  const [n, c, h, w] = shape;
  return unblock(g, reshape(g, y, [n, c / g.block, h, w, g.block]));
}

/** Blocks tfjs's filter [H, W, in, out]: [out / b, in / b, H, W, b (in), b (out)]. */
export function blockFilter(g: Graph, filter: IrValue): IrValue {
  const [h, w, ci, co] = filter.shape;
  const b = g.block;
  if (ci % b !== 0) {
    const split = reshape(g, filter, [h, w, ci, co / b, b]);
    return reshape(g, transpose(g, split, [3, 2, 0, 1, 4]), [co, ci, h, w]);
  }
  const split = reshape(g, filter, [h, w, ci / b, b, co / b, b]);
  return reshape(g, transpose(g, split, [4, 2, 0, 1, 3, 5]), [co, ci, h, w]);
}

/** Blocks a depthwise filter [H, W, channels, 1]: [channels / b, 1, H, W, b]. */
export function blockDepthwiseFilter(g: Graph, filter: IrValue): IrValue {
  const [h, w, c] = filter.shape;
  const b = g.block;
  const split = reshape(g, filter, [h, w, c / b, b]);
  return reshape(g, transpose(g, split, [2, 0, 1, 3]), [c, 1, h, w]);
}
