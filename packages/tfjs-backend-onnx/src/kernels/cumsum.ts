import {cast} from '../graph/cast.js';
import {reshape} from '../graph/layout.js';
import {define} from './registry.js';

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
