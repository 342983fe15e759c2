import {add, div, mul, sub} from '../graph/arithmetic.js';
import {elementwise} from '../graph/elementwise.js';
import type {Graph, IrValue} from '../graph/graph.js';
import {cast} from '../graph/cast.js';
import {define} from './registry.js';

/** Kernels that are one ONNX operator each. */
const direct: Record<string, string> = {
  Abs: 'Abs',
  Acos: 'Acos',
  Acosh: 'Acosh',
  Asin: 'Asin',
  Asinh: 'Asinh',
  Atan: 'Atan',
  Atanh: 'Atanh',
  Ceil: 'Ceil',
  Cos: 'Cos',
  Cosh: 'Cosh',
  Erf: 'Erf',
  Floor: 'Floor',
  Log: 'Log',
  Neg: 'Neg',
  Reciprocal: 'Reciprocal',
  Round: 'Round',
  Sigmoid: 'Sigmoid',
  Sin: 'Sin',
  Sinh: 'Sinh',
  Softplus: 'Softplus',
  Sqrt: 'Sqrt',
  Tan: 'Tan',
  Tanh: 'Tanh',
};

/** Those that ONNX supports for integers too. */
const forIntegers = new Set(['Abs', 'Neg']);

/** Those that leave integers unchanged. */
const rounding = new Set(['Ceil', 'Floor', 'Round']);

for (const [kernel, type] of Object.entries(direct)) {
  define(kernel, (g, {x}) => {
    if (x.dtype !== 'float32' && rounding.has(kernel)) return x;
    return forIntegers.has(kernel) && x.dtype === 'int32'
      ? elementwise(g, type, [x])
      : inFloat(g, x, f => elementwise(g, type, [f]));
  });
}

/** Unlike the others, it returns float32 for integers. */
define('Exp', (g, {x}) => elementwise(g, 'Exp', [cast(g, x, 'float32')]));

define('Rsqrt', (g, {x}) =>
  inFloat(g, x, f =>
    elementwise(g, 'Reciprocal', [elementwise(g, 'Sqrt', [f])]),
  ),
);

define('Square', (g, {x}) => (x.dtype === 'bool' ? x : mul(g, x, x)));

/** In tfjs the sign of NaN is 0. */
define('Sign', (g, {x}) => {
  if (x.dtype === 'bool') return x;
  if (x.dtype === 'int32') return elementwise(g, 'Sign', [x]);
  const sign = elementwise(g, 'Sign', [x]);
  const isNaN = elementwise(g, 'IsNaN', [x], {dtype: 'bool'});
  return elementwise(g, 'Where', [isNaN, g.scalar(0), sign], {
    dtype: 'float32',
  });
});

define('Expm1', (g, {x}) => inFloat(g, x, f => expm1(g, f)));
define('Log1p', (g, {x}) => inFloat(g, x, f => log1p(g, f)));

/** eˣ − 1 = 2t / (1 − t) with t = tanh(x / 2), which stays accurate near 0. */
function expm1(g: Graph, x: IrValue): IrValue {
  const t = elementwise(g, 'Tanh', [mul(g, x, g.scalar(0.5))]);
  const near = div(g, mul(g, t, g.scalar(2)), sub(g, g.scalar(1), t));
  const far = sub(g, elementwise(g, 'Exp', [x]), g.scalar(1));
  const size = elementwise(g, 'Abs', [x]);
  const isNear = elementwise(g, 'Less', [size, g.scalar(0.5)], {dtype: 'bool'});
  return elementwise(g, 'Where', [isNear, near, far], {dtype: 'float32'});
}

/** log(1 + x) = log(u) x / (u − 1) with u = fl(1 + x) (Kahan), which stays accurate near 0. */
function log1p(g: Graph, x: IrValue): IrValue {
  const u = add(g, x, g.scalar(1));
  const log = elementwise(g, 'Log', [u]);
  const near = div(g, mul(g, log, x), sub(g, u, g.scalar(1)));
  const size = elementwise(g, 'Abs', [x]);
  const small = elementwise(g, 'Less', [size, g.scalar(0.5)], {dtype: 'bool'});
  const same = elementwise(g, 'Equal', [u, g.scalar(1)], {dtype: 'bool'});
  const exact = elementwise(g, 'Where', [same, x, near], {dtype: 'float32'});
  return elementwise(g, 'Where', [small, exact, log], {dtype: 'float32'});
}

define('IsNan', (g, {x}) =>
  elementwise(g, 'IsNaN', [cast(g, x, 'float32')], {dtype: 'bool'}),
);
define('IsInf', (g, {x}) =>
  elementwise(g, 'IsInf', [cast(g, x, 'float32')], {dtype: 'bool'}),
);
define('IsFinite', (g, {x}) => {
  const size = elementwise(g, 'Abs', [cast(g, x, 'float32')]);
  // False for NaN as well.
  return elementwise(g, 'Less', [size, g.scalar(Infinity)], {dtype: 'bool'});
});
define('LogicalNot', (g, {x}) => elementwise(g, 'Not', [cast(g, x, 'bool')]));

/** Computes in float32 and casts the result back to the dtype of `x`, as tfjs does. */
export function inFloat(
  g: Graph,
  x: IrValue,
  f: (x: IrValue) => IrValue,
): IrValue {
  return cast(g, f(cast(g, x, 'float32')), x.dtype);
}
