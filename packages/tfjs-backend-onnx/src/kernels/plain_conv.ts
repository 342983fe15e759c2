import type {Attributes, Graph, IrValue} from '../graph/graph.js';
import {pad} from '../graph/regions.js';

/** ONNX's standard convolution of `x` [N, C, H, W] with `weights` [out, in, H, W]. */
export function plainConv(
  g: Graph,
  x: IrValue,
  weights: IrValue,
  shape: readonly number[],
  attributes: Attributes,
): IrValue {
  const extra =
    g.provider === 'webgpu' ? missingChannels(x.shape[1], shape[1]) : 0;
  return g.node(
    'Conv',
    [padChannels(g, x, extra), padChannels(g, weights, extra)],
    shape,
    'float32',
    attributes,
  );
}

/**
 * Number of zero channels to add. If the input channels are a multiple of 3 and the
 * output channels a multiple of 4, the webgpu provider of ONNX Runtime 1.30 gives
 * wrong sums; with extra channels it does not.
 */
function missingChannels(inputs: number, outputs: number): number {
  const wrong = inputs > 3 && inputs % 3 === 0 && outputs % 4 === 0;
  return wrong ? (4 - (inputs % 4)) % 4 : 0;
}

function padChannels(g: Graph, x: IrValue, extra: number): IrValue {
  return pad(g, x, [
    [0, 0],
    [0, extra],
    [0, 0],
    [0, 0],
  ]);
}
