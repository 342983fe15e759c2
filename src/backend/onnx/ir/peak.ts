import {type IrValue, count} from './graph.js';
import {inOrder, useCounts} from './order.js';

/** The bytes that the results still needed take together, at the worst moment. */
export function peakBytes(outputs: readonly IrValue[]): number {
  const order = inOrder(outputs);
  const uses = useCounts(order, outputs);
  let live = 0;
  let peak = 0;
  for (const node of order) {
    if (node.type === 'Input') continue;
    for (const v of node.outputs) if (uses.has(v)) live += bytes(v);
    peak = Math.max(peak, live);
    for (const v of node.inputs) {
      if (!v || v.node.type === 'Input') continue;
      const left = uses.get(v)! - 1;
      uses.set(v, left);
      if (left === 0) live -= bytes(v);
    }
  }
  return peak;
}

function bytes(v: IrValue): number {
  // A reshape shares its input's memory.
  if (v.node.type === 'Reshape') return 0;
  return count(v) * (v.dtype === 'int64' ? 8 : v.dtype === 'bool' ? 1 : 4);
}
