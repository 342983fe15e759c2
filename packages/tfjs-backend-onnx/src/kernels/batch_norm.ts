import {add, mul, sub} from '../graph/arithmetic.js';
import {elementwise} from '../graph/elementwise.js';
import type {Graph, IrValue} from '../graph/graph.js';
import {type Attrs, define} from './registry.js';

/** x k + (offset - mean k) with k = scale / sqrt(variance + epsilon): a form that convolutions absorb. */
define('FusedBatchNorm', (g, {x, mean, variance, scale, offset}, attrs) => {
  const inverse = inverseDeviation(g, variance, attrs);
  const factor = scale ? mul(g, inverse, scale) : inverse;
  const shift = mul(g, mean, factor);
  const summand = offset
    ? sub(g, offset, shift)
    : elementwise(g, 'Neg', [shift]);
  return add(g, mul(g, x, factor), summand);
});

/** Its gradient's part of that (batch-norm-gradient.ts). */
define('InverseDeviation', (g, {variance}, attrs) =>
  inverseDeviation(g, variance, attrs),
);

function inverseDeviation(g: Graph, variance: IrValue, attrs: Attrs): IrValue {
  const epsilon = g.scalar(attrs.varianceEpsilon ?? 0.001);
  const deviation = elementwise(g, 'Sqrt', [add(g, variance, epsilon)]);
  return elementwise(g, 'Reciprocal', [deviation]);
}
