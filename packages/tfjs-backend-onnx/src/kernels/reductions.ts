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

const numbers = (g: Graph, x: IrValue) =>
  x.dtype === 'bool' ? cast(g, x, 'int32') : x;

reduction('Sum', 'ReduceSum', numbers);
reduction('Prod', 'ReduceProd', numbers);
reduction('Mean', 'ReduceMean', (g, x) => cast(g, x, 'float32'));

for (const [kernel, type] of [
  ['Max', 'ReduceMax'],
  ['Min', 'ReduceMin'],
] as const) {
  define(kernel, (g, {x}, attrs) => {
    const over = (v: IrValue, kind: Reduction) =>
      reduce(g, kind, v, axesOf(x, attrs), attrs.keepDims);
    const result = cast(g, over(numbers(g, x), type), x.dtype);
    if (x.dtype !== 'float32') return result;
    // In tfjs one NaN is enough; ONNX Runtime may pass it over.
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

/** NaN is never the largest or the smallest: it becomes `least`. */
function withoutNaN(g: Graph, x: IrValue, least: number): IrValue {
  if (x.dtype !== 'float32') return numbers(g, x);
  const isNaN = elementwise(g, 'IsNaN', [x], {dtype: 'bool'});
  return elementwise(g, 'Where', [isNaN, g.scalar(least), x], {
    dtype: 'float32',
  });
}
