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
 * The last pass. Blocked data has five axes here and four in ONNX Runtime's
 * operators, so a network contains many reshapes, each as expensive as any small
 * operator. They are moved from the operands of elementwise operators to the
 * result, where most meet their inverse. `Block` and `Unblock` become operators.
 */
export function sinkReshapes(g: Graph, outputs: IrValue[]): IrValue[] {
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
    // An output that is a reshape would be a copy.
    if (results.has(first) || !g.pointwise.has(node.type)) return undefined;
    return belowReshapes(
      g,
      node,
      node.inputs.map(v => now(v!)),
    );
  });
}

/** A reshape that leaves transposes where the previous pass has put them. */
function reshape(g: Graph, x: IrValue, shape: readonly number[]): IrValue {
  if (sameShape(x.shape, shape)) return x;
  if (x.node.type === 'Reshape') return reshape(g, x.node.inputs[0]!, shape);
  return g.node('Reshape', [x, g.int64(shape)], shape, x.dtype);
}

/** The operator applied below its operands' reshapes, if all of these start from one shape. */
function belowReshapes(
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
  // See elementwise.ts: broadcasting to a last axis of 1 is slow.
  if (!common || (common.at(-1) === 1 && under.length > 1)) return undefined;
  const {type, attributes, domain} = node;
  const result = g.node(type, under, common, dtype, attributes, domain);
  return reshape(g, result, shape);
}

/*
 * ONNX Runtime's reorder operators take four axes; a blocked tensor is [N, C, H, W].
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
