import {add, mul, sub} from '../graph/arithmetic.js';
import {elementwise} from '../graph/elementwise.js';
import type {Graph, IrValue} from '../graph/graph.js';
import {type Attrs, define} from './registry.js';

/**
 * x · k + (offset − mean · k) with k = scale / √(variance + ε), a form that
 * fuseConvolutions can fuse into a convolution.
 */
define('FusedBatchNorm', (g, {x, mean, variance, scale, offset}, attrs) => {
  const inverse = inverseStddev(g, variance, attrs);
  const factor = scale ? mul(g, inverse, scale) : inverse;
  const shift = mul(g, mean, factor);
  const summand = offset
    ? sub(g, offset, shift)
    : elementwise(g, 'Neg', [shift]);
  return add(g, mul(g, x, factor), summand);
});

/** 1 / √(variance + ε), which the gradient shares (tfjs/batch_norm_gradient.ts). */
define('InverseStddev', (g, {variance}, attrs) =>
  inverseStddev(g, variance, attrs),
);

function inverseStddev(g: Graph, variance: IrValue, attrs: Attrs): IrValue {
  const epsilon = g.scalar(attrs.varianceEpsilon ?? 0.001);
  const stddev = elementwise(g, 'Sqrt', [add(g, variance, epsilon)]);
  return elementwise(g, 'Reciprocal', [stddev]);
}
