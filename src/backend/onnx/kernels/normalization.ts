import {add, mul, sub} from '../ir/arithmetic.js';
import {elementwise} from '../ir/elementwise.js';
import {define} from './registry.js';

/** x k + (offset - mean k) with k = scale / sqrt(variance + epsilon): a form that convolutions absorb. */
define('FusedBatchNorm', (g, {x, mean, variance, scale, offset}, attrs) => {
  const epsilon = g.scalar(attrs.varianceEpsilon ?? 0.001);
  const deviation = elementwise(g, 'Sqrt', [add(g, variance, epsilon)]);
  const inverse = elementwise(g, 'Reciprocal', [deviation]);
  const factor = scale ? mul(g, inverse, scale) : inverse;
  const shift = mul(g, mean, factor);
  const summand = offset
    ? sub(g, offset, shift)
    : elementwise(g, 'Neg', [shift]);
  return add(g, mul(g, x, factor), summand);
});
