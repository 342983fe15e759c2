import {cast} from '../graph/cast.js';
import {elementwise} from '../graph/elementwise.js';
import type {IrDtype} from '../graph/graph.js';
import {expand, reshape} from '../graph/layout.js';
import {Unsupported, define} from './registry.js';

define('Cast', (g, {x}, {dtype}) => {
  if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool') {
    throw new Unsupported(`a cast to ${dtype}`);
  }
  return cast(g, x, dtype);
});

define('Fill', (g, {value}, {shape, dtype}) => {
  if (!value) throw new Unsupported('dtype string is not supported');
  return expand(g, cast(g, value, dtype ?? 'float32'), shape);
});

define('ZerosLike', (g, {x}) => g.splat(0, x.shape, x.dtype));

define('OnesLike', (g, {x}) => g.splat(1, x.shape, x.dtype));

define(
  'OneHot',
  (g, {indices}, {depth, onValue = 1, offValue = 0, dtype = 'int32'}) => {
    const classes = g.constant(
      Int32Array.from({length: depth}, (_, i) => i),
      [depth],
      'int32',
    );
    const column = reshape(g, cast(g, indices, 'int32'), [...indices.shape, 1]);
    const hot = elementwise(g, 'Equal', [column, classes], {dtype: 'bool'});
    if (onValue === 1 && offValue === 0) return cast(g, hot, dtype);
    const type = (dtype === 'bool' ? 'int32' : dtype) as IrDtype;
    const values = [hot, g.scalar(onValue, type), g.scalar(offValue, type)];
    return cast(g, elementwise(g, 'Where', values, {dtype: type}), dtype);
  },
);
