import {add, mul} from '../graph/arithmetic.js';
import {cast} from '../graph/cast.js';
import {elementwise} from '../graph/elementwise.js';
import {type Graph, type IrValue, count} from '../graph/graph.js';
import {expand, reshape} from '../graph/layout.js';
import {slice} from '../graph/regions.js';
import {size} from '../graph/shape.js';
import {Unsupported, define} from './registry.js';

/*
 * Sums use ScatterElements: ScatterND with `add` runs on several threads that
 * overwrite each other's sums.
 */

define('UnsortedSegmentSum', (g, {x, segmentIds}, {numSegments}) => {
  if (segmentIds.shape.length !== 1) {
    throw new Unsupported('segment ids have more than one axis');
  }
  const ids = cast(g, segmentIds, 'int32');
  const rest = x.shape.slice(1);
  // Ids that a gather has used as indices are in range.
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
  // Rows with an id out of range are added to an extra row, which is cut off.
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

/** Adds row i of `rows` to row `ids[i]` of the result. */
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
