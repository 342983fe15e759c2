import type {Attributes, Graph, IrValue} from '../graph/graph.js';
import {permutationOf, transpose} from '../graph/layout.js';
import {padsOf} from '../graph/regions.js';

/**
 * A convolution's input and attributes with what pads the input in a node of its
 * own (Keras' ZeroPadding2D, say) done by the convolution instead. Height and
 * width are axes 2 and 3, in blocks or not.
 */
export function absorbPadding(
  g: Graph,
  x: IrValue,
  attributes: Attributes,
): {input: IrValue; attributes: Attributes} {
  const unchanged = {input: x, attributes};
  // What was padded as NHWC is transposed afterwards.
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
  // More than a window would be rows of zeros, which nobody has tried.
  const kernel = attributes.kernel_shape as number[];
  if (sums.some((p, k) => p >= kernel[k % 2])) return unchanged;
  return {
    input: transpose(g, below!, permutation),
    attributes: {...attributes, pads: sums},
  };
}
