import type {IrNode, IrValue} from './graph.js';

/** The nodes that `outputs` depend on, each after the nodes of its inputs. */
export function inOrder(outputs: readonly IrValue[]): IrNode[] {
  const seen = new Set<IrNode>();
  const order: IrNode[] = [];
  // An explicit stack: graphs are deeper than JavaScript's call stack allows.
  const stack: {node: IrNode; next: number}[] = [];
  for (const output of outputs) {
    stack.push({node: output.node, next: 0});
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      if (seen.has(top.node)) {
        stack.pop();
      } else if (top.next < top.node.inputs.length) {
        const input = top.node.inputs[top.next++];
        if (input && !seen.has(input.node)) {
          stack.push({node: input.node, next: 0});
        }
      } else {
        seen.add(top.node);
        order.push(top.node);
        stack.pop();
      }
    }
  }
  return order;
}

/** How often each value is used, uses as an output included. */
export function useCounts(
  nodes: readonly IrNode[],
  outputs: readonly IrValue[],
): Map<IrValue, number> {
  const uses = new Map<IrValue, number>();
  const use = (v: IrValue) => uses.set(v, (uses.get(v) ?? 0) + 1);
  for (const node of nodes) node.inputs.forEach(v => v && use(v));
  outputs.forEach(use);
  return uses;
}
