import * as tf from '@tensorflow/tfjs';
import {cast} from '../ir/cast.js';
import type {Graph, IrValue} from '../ir/graph.js';
import {type Reduction, reduce} from '../ir/reduce.js';
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
    const result = reduce(
      g,
      type,
      numbers(g, x),
      axesOf(x, attrs),
      attrs.keepDims,
    );
    return cast(g, result, x.dtype);
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

for (const kernel of ['ArgMax', 'ArgMin']) {
  define(kernel, (g, {x}, {axis}) => {
    const [along] = tf.util.parseAxisParam(axis, [...x.shape]);
    const shape = x.shape.filter((_, i) => i !== along);
    const index = g.node(kernel, [numbers(g, x)], shape, 'int64', {
      axis: along,
      keepdims: 0,
    });
    return cast(g, index, 'int32');
  });
}
