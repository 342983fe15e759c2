import type {Attributes, Graph, IrValue} from '../ir/graph.js';
import {permutationOf, transpose} from '../ir/layout.js';

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
  const {node} = permutationOf(x) ? x.node.inputs[0]! : x;
  const [below, ends, value] = node.inputs;
  if (node.type !== 'Pad' || value !== g.scalar(0)) return unchanged;
  const rank = x.shape.length;
  const padded = Array.from(ends!.node.data!, Number);
  const pads = [0, rank].flatMap(end => permutation.map(i => padded[end + i]));
  const spatial = [2, 3, rank + 2, rank + 3];
  if (pads.some((p, i) => p < 0 || (p > 0 && !spatial.includes(i)))) {
    return unchanged;
  }
  const own = attributes.pads as number[];
  const sums = spatial.map((i, k) => pads[i] + own[k]);
  // More than a window would be rows of zeros, which nobody has tried.
  const kernel = attributes.kernel_shape as number[];
  if (sums.some((p, k) => p >= kernel[k % 2])) return unchanged;
  return {
    input: transpose(g, below!, permutation),
    attributes: {...attributes, pads: sums},
  };
}
