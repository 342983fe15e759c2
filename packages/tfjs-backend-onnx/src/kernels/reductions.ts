import * as tf from '@tensorflow/tfjs-core';
import {cast} from '../graph/cast.js';
import type {Graph, IrValue} from '../graph/graph.js';
import {elementwise} from '../graph/elementwise.js';
import {type Reduction, reduce} from '../graph/reduce.js';
import {type Attrs, define} from './registry.js';

function axesOf(x: IrValue, {axis, reductionIndices}: Attrs): number[] {
  return tf.util.parseAxisParam(axis ?? reductionIndices, [...x.shape]);
}

function reduction(
  kernel: string,
  type: Reduction,
  prepare: (g: Graph, x: IrValue) => IrValue,
): void {
  define(kernel, (g, {x}, attrs) =>
    reduce(g, type, prepare(g, x), axesOf(x, attrs), attrs.keepDims),
  );
}

const boolToInt = (g: Graph, x: IrValue) =>
  x.dtype === 'bool' ? cast(g, x, 'int32') : x;

reduction('Sum', 'ReduceSum', boolToInt);
reduction('Prod', 'ReduceProd', boolToInt);
reduction('Mean', 'ReduceMean', (g, x) => cast(g, x, 'float32'));

for (const [kernel, type] of [
  ['Max', 'ReduceMax'],
  ['Min', 'ReduceMin'],
] as const) {
  define(kernel, (g, {x}, attrs) => {
    const over = (v: IrValue, kind: Reduction) =>
      reduce(g, kind, v, axesOf(x, attrs), attrs.keepDims);
    const result = cast(g, over(boolToInt(g, x), type), x.dtype);
    if (x.dtype !== 'float32') return result;
    // In tfjs the result is NaN if any element is; ONNX Runtime may ignore NaN.
    const isNaN = elementwise(g, 'IsNaN', [x], {dtype: 'bool'});
    const any = over(cast(g, isNaN, 'float32'), 'ReduceMax');
    return elementwise(
      g,
      'Where',
      [cast(g, any, 'bool'), g.scalar(NaN), result],
      {
        dtype: 'float32',
      },
    );
  });
}

for (const [kernel, type] of [
  ['All', 'ReduceMin'],
  ['Any', 'ReduceMax'],
] as const) {
  define(kernel, (g, {x}, attrs) => {
    const flags = cast(g, cast(g, x, 'bool'), 'int32');
    const result = reduce(g, type, flags, axesOf(x, attrs), attrs.keepDims);
    return cast(g, result, 'bool');
  });
}

for (const [kernel, least] of [
  ['ArgMax', -Infinity],
  ['ArgMin', Infinity],
] as const) {
  define(kernel, (g, {x}, {axis}) => {
    const [along] = tf.util.parseAxisParam(axis, [...x.shape]);
    const shape = x.shape.filter((_, i) => i !== along);
    const index = g.node(kernel, [withoutNaN(g, x, least)], shape, 'int64', {
      axis: along,
      keepdims: 0,
    });
    return cast(g, index, 'int32');
  });
}

/** Replaces NaN by `least`, so that its index is never returned. */
function withoutNaN(g: Graph, x: IrValue, least: number): IrValue {
  if (x.dtype !== 'float32') return boolToInt(g, x);
  const isNaN = elementwise(g, 'IsNaN', [x], {dtype: 'bool'});
  return elementwise(g, 'Where', [isNaN, g.scalar(least), x], {
    dtype: 'float32',
  });
}
