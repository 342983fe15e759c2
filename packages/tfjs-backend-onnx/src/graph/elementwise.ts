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
 * An elementwise operator on operands that broadcast together. Layout operations
 * on the operands are moved to the result.
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
 * Moves the operator below a transpose, then below blocks. Each is done once:
 * operands with different layouts would otherwise move it back and forth forever.
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
 * Whether `v` is a transposed input. Such a transpose is done once for all steps of
 * a run; moved to the result of each operator, it would be done for each of them.
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

/** Drops an operand's expansion: the result is expanded instead, often by its consumer. */
function withoutExpand(g: Graph, v: IrValue): IrValue {
  const number = splatValue(v);
  if (number !== undefined) return g.scalar(number, v.dtype);
  return v.node.type === 'Expand' ? v.node.inputs[0]! : v;
}

/**
 * ONNX Runtime broadcasts a rank-0 tensor row by row, which is very slow if the
 * last axis has length 1. It recognizes a tensor with as many axes as the result.
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
