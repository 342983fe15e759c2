import type {Graph, IrValue} from '../graph/graph.js';
import {
  NCHW_TO_NHWC,
  NHWC_TO_NCHW,
  permutationOf,
  reshape,
} from '../graph/layout.js';
import {rewrite} from './rewrite.js';
import {sameShape} from '../graph/shape.js';

/**
 * Merges a transpose and a reorder, so that data goes between NHWC and blocks
 * directly instead of through NCHW. If all channels fit one block, the two layouts
 * are the same data.
 */
export function mergeReorders(g: Graph, outputs: IrValue[]): IrValue[] {
  if (g.block === 0) return outputs;
  return rewrite(g, outputs, (node, {now, uses}) => {
    const [from] = node.inputs;
    const [to] = node.outputs;
    if (node.type === 'Block' && permutes(now(from!), NHWC_TO_NCHW)) {
      return reorder(g, 'Block', now(from!).node.inputs[0]!, to);
    }
    if (
      permutes(to, NCHW_TO_NHWC) &&
      uses(from!) === 1 &&
      now(from!).node.type === 'Unblock'
    ) {
      return reorder(g, 'Unblock', now(from!).node.inputs[0]!, to);
    }
    return undefined;
  });
}

function permutes(v: IrValue, permutation: readonly number[]): boolean {
  const own = permutationOf(v);
  return own !== undefined && sameShape(own, permutation);
}

function reorder(
  g: Graph,
  type: 'Block' | 'Unblock',
  from: IrValue,
  {shape, dtype}: IrValue,
): IrValue {
  const blocks = (type === 'Block' ? shape : from.shape)[1];
  if (blocks === 1) return reshape(g, from, shape);
  return g.node(type, [from], shape, dtype, {channels_last: 1});
}
