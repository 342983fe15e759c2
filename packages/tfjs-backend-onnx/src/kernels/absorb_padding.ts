import type {Attributes, Graph, IrValue} from '../graph/graph.js';
import {permutationOf, transpose} from '../graph/layout.js';
import {padsOf} from '../graph/regions.js';

/**
 * Moves the padding of a separate node, such as Keras' ZeroPadding2D, into the
 * convolution's own attributes. Height and width are axes 2 and 3, blocked or not.
 *
 * @returns the convolution's input and attributes, unchanged if there is no such padding
 */
export function absorbPadding(
  g: Graph,
  x: IrValue,
  attributes: Attributes,
): {input: IrValue; attributes: Attributes} {
  const unchanged = {input: x, attributes};
  // An NHWC tensor is padded before its transpose.
  const permutation = permutationOf(x) ?? x.shape.map((_, i) => i);
  const padded = permutationOf(x) ? x.node.inputs[0]! : x;
  const [below, , value] = padded.node.inputs;
  if (padded.node.type !== 'Pad' || value !== g.scalar(0)) return unchanged;
  const sides = padsOf(padded);
  const pads = permutation.map(i => sides[i]);
  if (
    pads.some(
      (p, i) =>
        Math.min(...p) < 0 || (Math.max(...p) > 0 && i !== 2 && i !== 3),
    )
  ) {
    return unchanged;
  }
  const own = attributes.pads as number[];
  const spatial = [pads[2][0], pads[3][0], pads[2][1], pads[3][1]];
  const sums = spatial.map((p, k) => p + own[k]);
  // Untested: padding as wide as the window gives results from zeros alone.
  const kernel = attributes.kernel_shape as number[];
  if (sums.some((p, k) => p >= kernel[k % 2])) return unchanged;
  return {
    input: transpose(g, below!, permutation),
    attributes: {...attributes, pads: sums},
  };
}
