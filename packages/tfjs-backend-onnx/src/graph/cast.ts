import {elementwise} from './elementwise.js';
import {type Graph, type IrDtype, type IrValue, splatValue} from './graph.js';
import {dataType} from '../runtime/onnx_schema.js';

/** Like tfjs, towards zero for whole numbers; what is not 0 is true. */
export function cast(g: Graph, x: IrValue, dtype: IrDtype): IrValue {
  if (x.dtype === dtype) return x;
  const number = splatValue(x);
  if (number !== undefined && Number.isFinite(number)) {
    const whole = Math.trunc(number);
    const bool = number === 0 ? 0 : 1;
    if (dtype === 'float32') return g.splat(number, x.shape, dtype);
    return g.splat(dtype === 'bool' ? bool : whole, x.shape, dtype);
  }
  if (x.node.data && x.dtype === 'int32' && dtype === 'int64') {
    const data = BigInt64Array.from(x.node.data as Int32Array, v => BigInt(v));
    return g.constant(data, x.shape, dtype);
  }
  return elementwise(g, 'Cast', [x], {
    dtype,
    attributes: {to: dataType[dtype]},
  });
}
