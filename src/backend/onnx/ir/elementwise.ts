import {
  type Attributes,
  type Graph,
  type IrDtype,
  type IrValue,
  splatValue,
} from './graph.js';
import {unblockedView} from './blocked.js';
import {expand, transposedView} from './layout.js';
import {broadcast, sameShape} from './shape.js';

export interface ElementwiseOptions {
  dtype?: IrDtype;
  attributes?: Attributes;
}

/**
 * An operator that works on each element, its operands broadcast together.
 * Layout operations on the operands are moved to the result.
 */
export function elementwise(
  g: Graph,
  type: string,
  operands: IrValue[],
  {dtype = operands[0].dtype, attributes = {}}: ElementwiseOptions = {},
): IrValue {
  const shape = operands.map(v => v.shape).reduce(broadcast) as number[];
  const inputs = operands.map((_, i) => withoutExpand(g, operands, i, shape));
  return below(g, type, inputs, shape, {dtype, attributes}, transposedView);
}

/**
 * First under a transpose, then under blocks: once each, as operands whose
 * layouts differ would hand it to and fro for ever.
 */
function below(
  g: Graph,
  type: string,
  inputs: IrValue[],
  shape: readonly number[],
  options: Required<ElementwiseOptions>,
  viewOf: typeof transposedView | typeof unblockedView,
): IrValue {
  const next = (operands: IrValue[], underneath: readonly number[]) =>
    viewOf === transposedView
      ? below(g, type, operands, underneath, options, unblockedView)
      : plain(g, type, operands, underneath, options);
  for (const operand of inputs) {
    const view = viewOf(g, operand);
    if (!view || !sameShape(operand.shape, shape)) continue;
    const lowered = inputs.map(v => view.lower(v));
    if (lowered.every(v => v !== undefined)) {
      return view.raise(next(lowered as IrValue[], view.shape));
    }
  }
  return next(inputs, shape);
}

function plain(
  g: Graph,
  type: string,
  inputs: IrValue[],
  shape: readonly number[],
  {dtype, attributes}: Required<ElementwiseOptions>,
): IrValue {
  // Two expanded operands may both have been shrunk: then the result expands.
  const own = inputs.map(v => v.shape).reduce(broadcast);
  return expand(g, g.node(type, inputs, own, dtype, attributes), shape);
}

/** Drops an expansion that the other operands bring about anyway. */
function withoutExpand(
  g: Graph,
  operands: IrValue[],
  position: number,
  shape: readonly number[],
): IrValue {
  const v = operands[position];
  const others = operands.filter((_, i) => i !== position).map(o => o.shape);
  if (others.length === 0) return v;
  const without = (own: readonly number[]) =>
    sameShape([own, ...others].reduce(broadcast), shape);
  if (v.node.type === 'Expand' && without(v.node.inputs[0]!.shape)) {
    return v.node.inputs[0]!;
  }
  const number = splatValue(v);
  if (number !== undefined && v.shape.length > 0 && without([])) {
    return g.scalar(number, v.dtype);
  }
  return v;
}
