import {add, div, mul, sub} from '../graph/arithmetic.js';
import {cast} from '../graph/cast.js';
import {elementwise} from '../graph/elementwise.js';
import type {Graph, IrDtype, IrValue} from '../graph/graph.js';
import {broadcast, padRank} from '../graph/shape.js';
import {reshape, expand} from '../graph/layout.js';
import {floorDivInt, modInt} from './integer_division.js';
import {define, listed} from './registry.js';

type Binary = (g: Graph, a: IrValue, b: IrValue) => IrValue;

/** tfjs converts both operands to one dtype first, except bool in sums. */
function arithmetic(kernel: string, f: Binary): void {
  define(kernel, (g, {a, b}) => {
    if (a.dtype !== 'bool') return f(g, a, cast(g, b, a.dtype));
    const result = f(g, cast(g, a, 'int32'), cast(g, b, 'int32'));
    return cast(g, result, 'bool');
  });
}

const op =
  (type: string, dtype?: IrDtype): Binary =>
  (g, a, b) =>
    elementwise(g, type, [a, b], {dtype});

arithmetic('Add', add);
arithmetic('Sub', sub);
arithmetic('Multiply', mul);
arithmetic('Maximum', op('Max'));
arithmetic('Minimum', op('Min'));
arithmetic('Pow', op('Pow'));
arithmetic('SquaredDifference', (g, a, b) => {
  const difference = sub(g, a, b);
  return mul(g, difference, difference);
});

define('RealDiv', (g, {a, b}) => {
  const x = div(g, cast(g, a, 'float32'), cast(g, b, 'float32'));
  return cast(g, x, a.dtype);
});

define('FloorDiv', (g, {a, b}) => {
  if (a.dtype !== 'float32') {
    return floorDivInt(g, cast(g, a, 'int32'), cast(g, b, 'int32'));
  }
  return cast(g, elementwise(g, 'Floor', [div(g, a, b)]), 'int32');
});

/** The remainder has the sign of the divisor. */
define('Mod', (g, {a, b}) => {
  if (a.dtype !== 'float32') {
    const rest = modInt(g, cast(g, a, 'int32'), cast(g, b, 'int32'));
    return cast(g, rest, a.dtype);
  }
  const remainder = elementwise(g, 'Mod', [a, b], {attributes: {fmod: 1}});
  const is = (type: string, x: IrValue, y: IrValue) =>
    elementwise(g, type, [x, y], {dtype: 'bool'});
  const zero = g.scalar(0);
  const sign = (v: IrValue) => is('GreaterOrEqual', v, zero);
  const same = is('Equal', sign(a), sign(b));
  const exact = is('Equal', remainder, zero);
  // NaN if b is infinite, as in JavaScript.
  const period = add(g, b, mul(g, b, zero));
  return elementwise(
    g,
    'Where',
    [
      elementwise(g, 'Or', [same, exact], {dtype: 'bool'}),
      remainder,
      add(g, remainder, period),
    ],
    {dtype: 'float32'},
  );
});

/** The angle of the point (b, a), from that of (|b|, |a|) by symmetry. */
define('Atan2', (g, {a, b}) => {
  const zero = g.scalar(0);
  const is = (type: string, x: IrValue, y: IrValue) =>
    elementwise(g, type, [x, y], {dtype: 'bool'});
  const where = (c: IrValue, x: IrValue, y: IrValue) =>
    elementwise(g, 'Where', [c, x, y], {dtype: 'float32'});
  // -0 counts as negative; only its reciprocal is below 0.
  const negative = (v: IrValue) => {
    const reciprocal = elementwise(g, 'Reciprocal', [v]);
    const below = [is('Less', v, zero), is('Less', reciprocal, zero)];
    return elementwise(g, 'Or', below, {dtype: 'bool'});
  };
  const [y, x] = [a, b].map(v => elementwise(g, 'Abs', [v]));
  const steep = elementwise(g, 'Atan', [div(g, y, x)]);
  // The quotient of two infinities, or of two zeros, is NaN.
  const equal = where(is('Equal', y, x), g.scalar(Math.PI / 4), steep);
  const onAxis = elementwise(g, 'And', [
    is('Equal', y, zero),
    elementwise(g, 'Not', [elementwise(g, 'IsNaN', [x], {dtype: 'bool'})]),
  ]);
  const angle = where(onAxis, zero, equal);
  const left = where(negative(b), sub(g, g.scalar(Math.PI), angle), angle);
  return where(negative(a), elementwise(g, 'Neg', [left]), left);
});

function comparison(kernel: string, type: string): void {
  define(kernel, (g, {a, b}) => {
    // ONNX compares bool only for equality.
    const as = a.dtype === 'bool' && type !== 'Equal' ? 'int32' : a.dtype;
    const operands = [cast(g, a, as), cast(g, b, as)];
    return elementwise(g, type, operands, {dtype: 'bool'});
  });
}

comparison('Greater', 'Greater');
comparison('GreaterEqual', 'GreaterOrEqual');
comparison('Less', 'Less');
comparison('LessEqual', 'LessOrEqual');
comparison('Equal', 'Equal');
define('NotEqual', (g, {a, b}) => {
  const equal = elementwise(g, 'Equal', [a, cast(g, b, a.dtype)], {
    dtype: 'bool',
  });
  return elementwise(g, 'Not', [equal]);
});

for (const [kernel, type] of [
  ['LogicalAnd', 'And'],
  ['LogicalOr', 'Or'],
]) {
  define(kernel, (g, {a, b}) =>
    elementwise(g, type, [cast(g, a, 'bool'), cast(g, b, 'bool')]),
  );
}

define('AddN', (g, inputs) => listed(inputs).reduce((a, b) => add(g, a, b)));

define('Select', (g, {condition, t, e}) => {
  const dtype = t.dtype === e.dtype ? t.dtype : 'float32';
  const rank = t.shape.length;
  // A condition of rank 1 selects rows.
  const rows = condition.shape.length === 1 && rank > 1;
  const shape = rows
    ? [condition.shape[0], ...Array<number>(rank - 1).fill(1)]
    : padRank(condition.shape, rank);
  const c = reshape(g, cast(g, condition, 'bool'), shape);
  const viaInt = dtype === 'bool' ? 'int32' : dtype;
  const result = elementwise(
    g,
    'Where',
    [c, cast(g, t, viaInt), cast(g, e, viaInt)],
    {dtype: viaInt},
  );
  const full = broadcast(t.shape, e.shape);
  return cast(g, expand(g, result, full), dtype);
});
