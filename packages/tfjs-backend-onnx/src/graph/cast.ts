import {elementwise} from './elementwise.js';
import {type Graph, type IrDtype, type IrValue, splatValue} from './graph.js';
import {onnxDataType} from './onnx_data_type.js';

/** Converts as tfjs does: to int32 towards zero, to bool as `x !== 0`. */
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
    attributes: {to: onnxDataType[dtype]},
  });
}
