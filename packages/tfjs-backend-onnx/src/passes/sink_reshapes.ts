import {
  type Attributes,
  type Graph,
  type IrNode,
  type IrValue,
  splatValue,
} from '../graph/graph.js';
import {NCHWC} from '../graph/blocked.js';
import {rewrite} from './rewrite.js';
import {sameShape} from '../graph/shape.js';

/**
 * The last pass. Blocked data has five axes here and four for ONNX Runtime's own
 * operators, so that a network is full of reshapes, each of which costs as much
 * as another small operator. They are moved from the operands of what works on
 * each element to its result, where most of them meet their inverse.
 */
export function fewerReshapes(g: Graph, outputs: IrValue[]): IrValue[] {
  const results = new Set(outputs);
  return rewrite(g, outputs, (node, {now}) => {
    const [first] = node.outputs;
    if (node.type === 'Block')
      return reorderInput(g, node, now(node.inputs[0]!));
    if (node.type === 'Unblock') {
      return reorderOutput(g, node, now(node.inputs[0]!));
    }
    if (node.type === 'Reshape') {
      const below = now(node.inputs[0]!);
      return below.node.type === 'Reshape'
        ? reshape(g, below, first.shape)
        : undefined;
    }
    // A result that is a reshape would be a copy.
    if (results.has(first) || !g.pointwise.has(node.type)) return undefined;
    return underReshapes(
      g,
      node,
      node.inputs.map(v => now(v!)),
    );
  });
}

/** Without a thought for transposes, which stay where the pass before has put them. */
function reshape(g: Graph, x: IrValue, shape: readonly number[]): IrValue {
  if (sameShape(x.shape, shape)) return x;
  if (x.node.type === 'Reshape') return reshape(g, x.node.inputs[0]!, shape);
  return g.node('Reshape', [x, g.int64(shape)], shape, x.dtype);
}

/** Done on what the operands are reshapes of, if all of those have one shape. */
function underReshapes(
  g: Graph,
  node: IrNode,
  operands: IrValue[],
): IrValue | undefined {
  const [{shape, dtype}] = node.outputs;
  const under: IrValue[] = [];
  let common: readonly number[] | undefined;
  for (const v of operands) {
    const number = splatValue(v);
    if (number !== undefined || v.shape.length === 0) {
      under.push(number === undefined ? v : g.scalar(number, v.dtype));
      continue;
    }
    if (v.node.type !== 'Reshape' || !sameShape(v.shape, shape)) {
      return undefined;
    }
    const source = v.node.inputs[0]!;
    common ??= source.shape;
    if (!sameShape(source.shape, common)) return undefined;
    under.push(source);
  }
  // See elementwise.ts: numbers are slow to broadcast to a last axis of 1.
  if (!common || (common.at(-1) === 1 && under.length > 1)) return undefined;
  const {type, attributes, domain} = node;
  const result = g.node(type, under, common, dtype, attributes, domain);
  return reshape(g, result, shape);
}

/*
 * ONNX Runtime's reordering works on four axes, blocked ones being [N, C, H, W].
 */

function reorderInput(g: Graph, node: IrNode, from: IrValue): IrValue {
  const [{shape, dtype}] = node.outputs;
  return reshape(
    g,
    g.node('ReorderInput', [from], four(shape), dtype, node.attributes, NCHWC),
    shape,
  );
}

function reorderOutput(g: Graph, node: IrNode, from: IrValue): IrValue {
  const [{shape, dtype}] = node.outputs;
  const view = four(node.inputs[0]!.shape);
  const attributes: Attributes = {channels: view[1], ...node.attributes};
  return g.node(
    'ReorderOutput',
    [reshape(g, from, view)],
    shape,
    dtype,
    attributes,
    NCHWC,
  );
}

/** [N, C / b, H, W, b] → [N, C, H, W] */
function four([n, c, h, w, b]: readonly number[]): number[] {
  return [n, c * b, h, w];
}
