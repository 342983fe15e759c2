import * as tf from '@tensorflow/tfjs-core';
import {add, mul} from '../graph/arithmetic.js';
import {cast} from '../graph/cast.js';
import {elementwise} from '../graph/elementwise.js';
import {type Graph, type IrValue, count} from '../graph/graph.js';
import {expand, reshape} from '../graph/layout.js';
import {slice} from '../graph/regions.js';
import {size} from '../graph/shape.js';
import {Unsupported, define} from './registry.js';

define('GatherV2', (g, {x, indices}, {axis, batchDims}) => {
  const along = tf.util.parseAxisParam(axis, [...x.shape])[0];
  const batch = batchDims ?? 0;
  const index = cast(g, indices, 'int32');
  const shape = [
    ...x.shape.slice(0, along),
    ...indices.shape.slice(batch),
    ...x.shape.slice(along + 1),
  ];
  if (batch === 0) {
    g.bounded.set(index, x.shape[along]);
    return g.node('Gather', [x, index], shape, x.dtype, {axis: along});
  }
  if (along !== batch) throw new Unsupported('axis and batchDims that differ');
  const column = reshape(g, cast(g, index, 'int64'), [...indices.shape, 1]);
  return g.node('GatherND', [x, column], shape, x.dtype, {batch_dims: batch});
});

define('GatherNd', (g, {params, indices}) => {
  const like = (v: IrValue) => v as unknown as tf.Tensor;
  tf.backend_util.prepareAndValidate(like(params), like(indices));
  const depth = indices.shape[indices.shape.length - 1];
  const shape = [...indices.shape.slice(0, -1), ...params.shape.slice(depth)];
  if (depth === 1) {
    // Rows, or for a list single numbers, for which GatherElements is fastest.
    const places = indices.shape.slice(0, -1);
    const rows = reshape(g, cast(g, indices, 'int32'), [size(places)]);
    g.bounded.set(rows, params.shape[0]);
    const type = params.shape.length === 1 ? 'GatherElements' : 'Gather';
    const taken = [rows.shape[0], ...params.shape.slice(1)];
    const result = g.node(type, [params, rows], taken, params.dtype, {axis: 0});
    return reshape(g, result, shape);
  }
  const index = cast(g, indices, 'int64');
  return g.node('GatherND', [params, index], shape, params.dtype);
});

/*
 * Sums are scattered with ScatterElements. ScatterND with `add` runs on several
 * threads that overwrite each other's sums.
 */

define('UnsortedSegmentSum', (g, {x, segmentIds}, {numSegments}) => {
  if (segmentIds.shape.length !== 1) {
    throw new Unsupported('segment ids of more than one axis');
  }
  const ids = cast(g, segmentIds, 'int32');
  const rest = x.shape.slice(1);
  // Ids that a gather has read with are known to be in range.
  if (g.bounded.get(ids) === numSegments) {
    return scatterRows(g, ids, x, [numSegments, ...rest]);
  }
  const inside = inRange(g, ids, numSegments);
  const safe = elementwise(
    g,
    'Where',
    [inside, ids, g.scalar(numSegments, 'int32')],
    {dtype: 'int32'},
  );
  // What is out of range goes to a row of its own, which is cut off.
  const sums = scatterRows(g, safe, x, [numSegments + 1, ...rest]);
  return slice(
    g,
    sums,
    sums.shape.map(() => 0),
    [numSegments, ...rest],
  );
});

function inRange(g: Graph, ids: IrValue, n: number): IrValue {
  const zero = g.scalar(0, 'int32');
  return elementwise(
    g,
    'And',
    [
      elementwise(g, 'GreaterOrEqual', [ids, zero], {dtype: 'bool'}),
      elementwise(g, 'Less', [ids, g.scalar(n, 'int32')], {dtype: 'bool'}),
    ],
    {dtype: 'bool'},
  );
}

define('ScatterNd', (g, {indices, updates}, {shape}) => {
  const depth = indices.shape[indices.shape.length - 1] ?? 1;
  const n = count(indices) / depth;
  const dims = (shape as number[]).slice(0, depth);
  const rest = (shape as number[]).slice(depth);
  const strides = dims.map((_, i) => size(dims.slice(i + 1)));
  const weights = g.constant(Int32Array.from(strides), [depth], 'int32');
  const split = reshape(g, cast(g, indices, 'int32'), [n, depth]);
  const flat = g.node(
    'ReduceSum',
    [mul(g, split, weights), g.int64([1])],
    [n],
    'int32',
    {keepdims: 0},
  );
  const rows = reshape(g, updates, [n, ...rest]);
  const sums = scatterRows(g, flat, rows, [size(dims), ...rest]);
  return reshape(g, sums, shape);
});

/** Adds each row of `rows` to the row of the result that `ids` names. */
function scatterRows(
  g: Graph,
  ids: IrValue,
  rows: IrValue,
  shape: readonly number[],
): IrValue {
  const [n] = rows.shape;
  const width = size(shape.slice(1));
  const total = shape[0] * width;
  const column = reshape(g, ids, [n, 1]);
  const offsets = g.constant(
    Int32Array.from({length: width}, (_, i) => i),
    [1, width],
    'int32',
  );
  const places =
    width === 1
      ? column
      : add(g, mul(g, column, g.scalar(width, 'int32')), offsets);
  const viaFloat = rows.dtype === 'bool' ? 'int32' : rows.dtype;
  const sums = g.node(
    'ScatterElements',
    [
      g.splat(0, [total], viaFloat),
      reshape(g, expand(g, places, [n, width]), [n * width]),
      reshape(g, cast(g, rows, viaFloat), [n * width]),
    ],
    [total],
    viaFloat,
    {axis: 0, reduction: 'add'},
  );
  return cast(g, reshape(g, sums, shape), rows.dtype);
}

define('Cumsum', (g, {x}, {axis, exclusive, reverse}) => {
  const along = axis < 0 ? axis + x.shape.length : axis;
  const numbers = x.dtype === 'bool' ? cast(g, x, 'int32') : x;
  return g.node(
    'CumSum',
    [numbers, reshape(g, g.int64([along]), [])],
    x.shape,
    numbers.dtype,
    {exclusive: exclusive ? 1 : 0, reverse: reverse ? 1 : 0},
  );
});

define('TopK', (g, {x}, {k}) => {
  if (k === 0 || x.dtype === 'bool')
    throw new Unsupported('this dtype or k = 0');
  const shape = [...x.shape.slice(0, -1), k];
  const [values, indices] = g.nodes(
    'TopK',
    [x, g.int64([k])],
    [
      {shape, dtype: x.dtype},
      {shape, dtype: 'int64'},
    ],
    // Unsorted, equal numbers would come in any order.
    {sorted: 1},
  );
  return [values, cast(g, indices, 'int32')];
});
