import * as tf from '@tensorflow/tfjs-core';
import {cast} from '../graph/cast.js';
import {reshape} from '../graph/layout.js';
import {size} from '../graph/shape.js';
import {Unsupported, define} from './registry.js';
import {tensorLike} from './tensor_like.js';

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
  if (along !== batch) throw new Unsupported('axis differs from batchDims');
  const column = reshape(g, cast(g, index, 'int64'), [...indices.shape, 1]);
  return g.node('GatherND', [x, column], shape, x.dtype, {batch_dims: batch});
});

define('GatherNd', (g, {params, indices}) => {
  tf.backend_util.prepareAndValidate(tensorLike(params), tensorLike(indices));
  const depth = indices.shape[indices.shape.length - 1];
  const shape = [...indices.shape.slice(0, -1), ...params.shape.slice(depth)];
  if (depth === 1) {
    // This gathers rows, or single numbers, for which GatherElements is fastest.
    const outer = indices.shape.slice(0, -1);
    const rows = reshape(g, cast(g, indices, 'int32'), [size(outer)]);
    g.bounded.set(rows, params.shape[0]);
    const type = params.shape.length === 1 ? 'GatherElements' : 'Gather';
    const taken = [rows.shape[0], ...params.shape.slice(1)];
    const result = g.node(type, [params, rows], taken, params.dtype, {axis: 0});
    return reshape(g, result, shape);
  }
  const index = cast(g, indices, 'int64');
  return g.node('GatherND', [params, index], shape, params.dtype);
});
