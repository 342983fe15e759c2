import type {Attributes, Graph, IrValue} from '../graph/graph.js';
import {pad} from '../graph/regions.js';

/** ONNX's own convolution of `x` [N, C, H, W] with `weights` [out, in, H, W]. */
export function plainConv(
  g: Graph,
  x: IrValue,
  weights: IrValue,
  shape: readonly number[],
  attributes: Attributes,
): IrValue {
  const extra = g.provider === 'webgpu' ? missing(x.shape[1], shape[1]) : 0;
  return g.node(
    'Conv',
    [channels(g, x, extra), channels(g, weights, extra)],
    shape,
    'float32',
    attributes,
  );
}

/**
 * Where inputs come in threes and outputs in fours, the webgpu provider of
 * ONNX Runtime 1.30 sums up wrongly; with channels of zeros it does not.
 */
function missing(inputs: number, outputs: number): number {
  const wrong = inputs > 3 && inputs % 3 === 0 && outputs % 4 === 0;
  return wrong ? (4 - (inputs % 4)) % 4 : 0;
}

function channels(g: Graph, x: IrValue, extra: number): IrValue {
  return pad(g, x, [
    [0, 0],
    [0, extra],
    [0, 0],
    [0, 0],
  ]);
}
