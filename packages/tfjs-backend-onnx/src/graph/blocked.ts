import type {Graph, IrValue} from './graph.js';
import {padRank, sameShape, size} from './shape.js';
import {type View, reshape, transpose} from './layout.js';

/** ONNX Runtime's internal domain for convolutions on blocked channels. */
export const NCHWC = 'com.microsoft.nchwc';

/*
 * The blocked layout of an NCHW tensor, with C = c * b: [N, c, H, W, b]. In this
 * graph it is an ordinary tensor of five axes, on which elementwise operators and
 * reductions work as usual. Only the convolution is special: it takes the same
 * data with the shape [N, C, H, W].
 */

/** [N, C, H, W] → [N, C / b, H, W, b] */
export function block(g: Graph, x: IrValue): IrValue {
  if (x.node.type === 'Unblock') return x.node.inputs[0]!;
  const [n, c, h, w] = x.shape;
  const shape = [n, c / g.block, h, w, g.block];
  if (h * w === 1) return reshape(g, x, shape);
  if (x.node.type === 'Splat') {
    return g.splat(Number(x.node.attributes.value), shape, x.dtype);
  }
  return g.node('Block', [x], shape, x.dtype);
}

/** [N, C / b, H, W, b] → [N, C, H, W] */
export function unblock(g: Graph, x: IrValue): IrValue {
  if (x.node.type === 'Block') return x.node.inputs[0]!;
  const [n, c, h, w, b] = x.shape;
  const shape = [n, c * b, h, w];
  if (h * w === 1) return reshape(g, x, shape);
  return g.node('Unblock', [x], shape, x.dtype);
}

/** Unblocks a tensor that broadcasts against a blocked one; undefined if four axes cannot express it. */
export function unblockNarrow(g: Graph, x: IrValue): IrValue | undefined {
  const [n, c, h, w, b] = x.shape;
  if (c === 1 && b === 1) return reshape(g, x, [n, 1, h, w]);
  if (b !== g.block) return undefined;
  return h * w === 1 ? reshape(g, x, [n, c * b, 1, 1]) : undefined;
}

/** The view below an `Unblock`, for builders that move it towards the results. */
export function unblockedView(g: Graph, v: IrValue): View | undefined {
  if (v.node.type !== 'Unblock') return undefined;
  const blocked = v.node.inputs[0]!;
  return {
    shape: blocked.shape,
    lower: (operand: IrValue) => blockOperand(g, operand, v.shape),
    raise: (result: IrValue) => unblock(g, result),
  };
}

/** Blocks an operand that broadcasts against the NCHW shape `full`; undefined if it cannot be. */
function blockOperand(
  g: Graph,
  x: IrValue,
  full: readonly number[],
): IrValue | undefined {
  if (x.shape.length === 0) return x;
  if (x.shape.length > 4 || x.dtype === 'int64') return undefined;
  if (sameShape(x.shape, full)) {
    return x.dtype === 'float32' || x.node.type === 'Unblock'
      ? block(g, x)
      : undefined;
  }
  const [n, c, h, w] = padRank(x.shape, 4);
  if (c === 1) return reshape(g, x, [n, 1, h, w, 1]);
  const split = reshape(g, x, [n, c / g.block, g.block, h, w]);
  return size([h, w]) === 1
    ? reshape(g, split, [n, c / g.block, h, w, g.block])
    : transpose(g, split, [0, 1, 3, 4, 2]);
}
