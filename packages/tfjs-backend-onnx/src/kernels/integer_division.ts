import {add, sub} from '../graph/arithmetic.js';
import {elementwise} from '../graph/elementwise.js';
import type {Graph, IrValue} from '../graph/graph.js';

/*
 * Division of integers. In JavaScript a division by 0 gives an infinity, stored as
 * 0 in an int32. In C++ it ends the process, so zero divisors are replaced by 1.
 */

export function floorDivInt(g: Graph, a: IrValue, b: IrValue): IrValue {
  const {isZero, divisor} = safeDivisor(g, b);
  const quotient = elementwise(g, 'Div', [a, divisor]);
  const remainder = elementwise(g, 'Mod', [a, divisor], {
    attributes: {fmod: 1},
  });
  const zero = g.scalar(0, 'int32');
  const is = (type: string, x: IrValue, y: IrValue) =>
    elementwise(g, type, [x, y], {dtype: 'bool'});
  // ONNX rounds towards 0: one too high if there is a remainder and the signs differ.
  const negative = (v: IrValue) => is('Less', v, zero);
  const signs = elementwise(g, 'Xor', [negative(a), negative(divisor)], {
    dtype: 'bool',
  });
  const inexact = elementwise(g, 'Not', [is('Equal', remainder, zero)]);
  const over = elementwise(g, 'And', [signs, inexact], {dtype: 'bool'});
  const less = sub(g, quotient, g.scalar(1, 'int32'));
  const floor = elementwise(g, 'Where', [over, less, quotient], {
    dtype: 'int32',
  });
  return elementwise(g, 'Where', [isZero, zero, floor], {dtype: 'int32'});
}

/** The remainder has the sign of the divisor, as in tfjs. */
export function modInt(g: Graph, a: IrValue, b: IrValue): IrValue {
  const {isZero, divisor} = safeDivisor(g, b);
  const attributes = {fmod: 1};
  const remainder = elementwise(g, 'Mod', [a, divisor], {attributes});
  const wrapped = elementwise(g, 'Mod', [add(g, remainder, divisor), divisor], {
    attributes,
  });
  const zero = g.scalar(0, 'int32');
  const sign = (v: IrValue) =>
    elementwise(g, 'Less', [v, zero], {dtype: 'bool'});
  const same = elementwise(g, 'Equal', [sign(a), sign(divisor)], {
    dtype: 'bool',
  });
  const result = elementwise(g, 'Where', [same, remainder, wrapped], {
    dtype: 'int32',
  });
  return elementwise(g, 'Where', [isZero, zero, result], {dtype: 'int32'});
}

function safeDivisor(g: Graph, b: IrValue) {
  const isZero = elementwise(g, 'Equal', [b, g.scalar(0, 'int32')], {
    dtype: 'bool',
  });
  const one = g.scalar(1, 'int32');
  return {
    isZero,
    divisor: elementwise(g, 'Where', [isZero, one, b], {dtype: 'int32'}),
  };
}
