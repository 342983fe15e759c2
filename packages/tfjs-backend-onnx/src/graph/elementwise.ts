import {
  type Attributes,
  type Graph,
  type IrDtype,
  type IrValue,
  splatValue,
} from './graph.js';
import {unblockedView} from './blocked.js';
import {expand, permutationOf, transposedView} from './layout.js';
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
  g.pointwise.add(type);
  const shape = operands.map(v => v.shape).reduce(broadcast) as number[];
  const inputs = operands.map(v => withoutExpand(g, v));
  const own = inputs.map(v => v.shape).reduce(broadcast) as number[];
  const result = below(
    g,
    type,
    inputs,
    own,
    {dtype, attributes},
    transposedView,
  );
  return expand(g, result, shape);
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
      : g.node(
          type,
          operands.map(v => ofRank(g, v, underneath)),
          underneath,
          options.dtype,
          options.attributes,
        );
  for (const operand of inputs) {
    const view = viewOf(g, operand);
    if (!view || !sameShape(operand.shape, shape)) continue;
    if (isTransposedInput(operand) && inputs.some(v => isPlain(v, shape))) {
      continue;
    }
    const lowered = inputs.map(v => view.lower(v));
    if (lowered.every(v => v !== undefined)) {
      return view.raise(next(lowered as IrValue[], view.shape));
    }
  }
  return next(inputs, shape);
}

/**
 * Transposed on its way in, once for all steps of a run. Moved to the result of
 * each operator that it meets, that would be a transpose for each of them.
 */
function isTransposedInput(v: IrValue): boolean {
  if (!permutationOf(v)) return false;
  let {node} = v.node.inputs[0]!;
  if (node.type === 'Reshape') node = node.inputs[0]!.node;
  return node.type === 'Input';
}

function isPlain(v: IrValue, shape: readonly number[]): boolean {
  return sameShape(v.shape, shape) && permutationOf(v) === undefined;
}

/** Expansion is left to the result, and often to what is done with that. */
function withoutExpand(g: Graph, v: IrValue): IrValue {
  const number = splatValue(v);
  if (number !== undefined) return g.scalar(number, v.dtype);
  return v.node.type === 'Expand' ? v.node.inputs[0]! : v;
}

/**
 * ONNX Runtime broadcasts a number without axes row by row of the last axis,
 * which takes an age where that has one entry; with axes it sees through it.
 */
function ofRank(g: Graph, v: IrValue, shape: readonly number[]): IrValue {
  const number = splatValue(v);
  return v.shape.length === 0 && number !== undefined && shape.at(-1) === 1
    ? g.splat(
        number,
        shape.map(() => 1),
        v.dtype,
      )
    : v;
}
