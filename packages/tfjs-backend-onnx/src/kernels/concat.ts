import * as tf from '@tensorflow/tfjs-core';
import {expand, reshape} from '../graph/layout.js';
import {concat} from '../graph/regions.js';
import {assertStackable} from './checks.js';
import {define, listed} from './registry.js';

define('Concat', (g, inputs, {axis}) => {
  const parts = listed(inputs);
  const along = tf.util.parseAxisParam(axis, [...parts[0].shape])[0];
  tf.backend_util.assertParamsConsistent(
    parts.map(v => [...v.shape]),
    along,
  );
  return concat(g, parts, along);
});

define('Pack', (g, inputs, {axis}) => {
  const parts = listed(inputs);
  assertStackable(parts);
  const along = axis < 0 ? axis + parts[0].shape.length + 1 : axis;
  const shape = [...parts[0].shape];
  shape.splice(along, 0, 1);
  return concat(
    g,
    parts.map(v => reshape(g, v, shape)),
    along,
  );
});

define('Tile', (g, {x}, {reps}) => {
  const shape = x.shape.map((d, i) => d * reps[i]);
  if (x.shape.every((d, i) => d === 1 || reps[i] === 1)) {
    return expand(g, x, shape);
  }
  return g.node('Tile', [x, g.int64(reps)], shape, x.dtype);
});

define('BroadcastTo', (g, {x}, {shape}) => expand(g, x, shape));
