import {add, div, mul, sub} from '../ir/arithmetic.js';
import {cast} from '../ir/cast.js';
import {elementwise} from '../ir/elementwise.js';
import type {Graph, IrDtype, IrValue} from '../ir/graph.js';
import {broadcast, padRank} from '../ir/shape.js';
import {reshape, expand} from '../ir/layout.js';
import {floorDivInt, modInt} from './integers.js';
import {define, listed} from './registry.js';

type Binary = (g: Graph, a: IrValue, b: IrValue) => IrValue;

/** tfjs makes both operands one dtype beforehand, but for bool in sums. */
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
  if (a.dtype === 'int32') return floorDivInt(g, a, b);
  return cast(g, elementwise(g, 'Floor', [div(g, a, b)]), 'int32');
});

/** The remainder has the divisor's sign. */
define('Mod', (g, {a, b}) => {
  if (a.dtype === 'int32') return modInt(g, a, b);
  const attributes = {fmod: 1};
  const remainder = elementwise(g, 'Mod', [a, b], {attributes});
  const wrapped = elementwise(g, 'Mod', [add(g, remainder, b), b], {
    attributes,
  });
  const sign = (v: IrValue) =>
    elementwise(g, 'GreaterOrEqual', [v, g.scalar(0)], {dtype: 'bool'});
  const same = elementwise(g, 'Equal', [sign(a), sign(b)], {dtype: 'bool'});
  return elementwise(g, 'Where', [same, remainder, wrapped], {
    dtype: 'float32',
  });
});

define('Atan2', (g, {a, b}) => {
  // The quadrant of the point (b, a); atan alone knows only two of the four.
  const half = elementwise(g, 'Atan', [div(g, a, b)]);
  const zero = g.scalar(0);
  const is = (type: string, x: IrValue) =>
    elementwise(g, type, [x, zero], {dtype: 'bool'});
  const where = (c: IrValue, x: IrValue, y: IrValue) =>
    elementwise(g, 'Where', [c, x, y], {dtype: 'float32'});
  const turn = where(is('Less', a), g.scalar(-Math.PI), g.scalar(Math.PI));
  const left = where(is('Less', b), add(g, half, turn), half);
  const origin = elementwise(g, 'And', [is('Equal', a), is('Equal', b)], {
    dtype: 'bool',
  });
  return where(origin, zero, left);
});

function comparison(kernel: string, type: string): void {
  define(kernel, (g, {a, b}) => {
    // Only equality is known for bool.
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
  // A list of conditions chooses rows.
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
