import {type IrValue, count} from './graph.js';
import {inOrder, useCounts} from './topological_order.js';

/** Peak memory, in bytes, of the results that are still needed while the graph runs. */
export function peakBytes(outputs: readonly IrValue[]): number {
  // A reshape shares its input's memory, which stays as long as either is used.
  const order = inOrder(outputs).filter(
    ({type}) => type !== 'Input' && type !== 'Reshape',
  );
  const uses = new Map<IrValue, number>();
  for (const [v, n] of useCounts(order, outputs)) {
    const owner = ownerOf(v);
    uses.set(owner, (uses.get(owner) ?? 0) + n);
  }
  let live = 0;
  let peak = 0;
  for (const node of order) {
    for (const v of node.outputs) if (uses.has(v)) live += bytes(v);
    peak = Math.max(peak, live);
    for (const v of node.inputs) {
      const owner = v && ownerOf(v);
      if (!owner || owner.node.type === 'Input') continue;
      const left = uses.get(owner)! - 1;
      uses.set(owner, left);
      if (left === 0) live -= bytes(owner);
    }
  }
  return peak;
}

function ownerOf(v: IrValue): IrValue {
  let owner = v;
  while (owner.node.type === 'Reshape') owner = owner.node.inputs[0]!;
  return owner;
}

function bytes(v: IrValue): number {
  return count(v) * (v.dtype === 'int64' ? 8 : v.dtype === 'bool' ? 1 : 4);
}
