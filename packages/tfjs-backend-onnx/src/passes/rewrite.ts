import type {Graph, IrNode, IrValue} from '../graph/graph.js';
import {inOrder, useCounts} from '../graph/topological_order.js';

/** What a rule of {@link rewrite} can ask about the graph. */
export interface Rewriting {
  /** The current replacement of a value; the value itself if there is none. */
  now(v: IrValue): IrValue;
  /** How often a value was used in the graph before the pass. */
  uses(v: IrValue): number;
}

/**
 * Rewrites a graph node by node, inputs first. `rule` returns what replaces the
 * first result of a node, or undefined to keep the node, with rewritten inputs.
 */
export function rewrite(
  g: Graph,
  outputs: IrValue[],
  rule: (node: IrNode, rewriting: Rewriting) => IrValue | undefined,
): IrValue[] {
  const nodes = inOrder(outputs);
  const counts = useCounts(nodes, outputs);
  const replaced = new Map<IrValue, IrValue>();
  const now = (v: IrValue) => replaced.get(v) ?? v;
  const rewriting = {now, uses: (v: IrValue) => counts.get(v) ?? 0};
  for (const node of nodes) {
    g.source = node.source;
    const result = rule(node, rewriting);
    if (result) {
      replaced.set(node.outputs[0], result);
    } else if (node.inputs.some(v => v && replaced.has(v))) {
      const inputs = node.inputs.map(v => v && now(v));
      const {type, domain, attributes} = node;
      g.nodes(type, inputs, node.outputs, attributes, domain).forEach((v, i) =>
        replaced.set(node.outputs[i], v),
      );
    }
  }
  return outputs.map(now);
}
