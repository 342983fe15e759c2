import {cast} from '../graph/cast.js';
import {Unsupported, define} from './registry.js';

define('TopK', (g, {x}, {k}) => {
  if (k === 0 || x.dtype === 'bool')
    throw new Unsupported(k === 0 ? 'k is 0' : 'dtype bool is not supported');
  const shape = [...x.shape.slice(0, -1), k];
  const [values, indices] = g.nodes(
    'TopK',
    [x, g.int64([k])],
    [
      {shape, dtype: x.dtype},
      {shape, dtype: 'int64'},
    ],
    // Unsorted, the order of equal numbers is undefined.
    {sorted: 1},
  );
  return [values, cast(g, indices, 'int32')];
});
