import {concat, pad, slice} from '../graph/regions.js';
import {define} from './registry.js';

define('PadV2', (g, {x}, {paddings, constantValue}) =>
  pad(g, x, paddings, constantValue),
);

define('MirrorPad', (g, {x}, {paddings, mode}) => {
  const pads = paddings as [number, number][];
  const shape = x.shape.map((d, i) => d + pads[i][0] + pads[i][1]);
  if (mode === 'symmetric') {
    // Along each axis in turn, the mirrored edge is put beside it.
    return pads.reduce((v, [before, after], axis) => {
      const strip = (length: number, begin: number) =>
        slice(
          g,
          v,
          v.shape.map((_, i) => (i === axis ? begin : 0)),
          v.shape.map((d, i) => (i === axis ? length : d)),
          v.shape.map((_, i) => (i === axis ? -1 : 1)),
        );
      const parts = [v];
      if (before > 0) parts.unshift(strip(before, before - 1));
      if (after > 0) parts.push(strip(after, v.shape[axis] - 1));
      return concat(g, parts, axis);
    }, x);
  }
  const ends = [...pads.map(p => p[0]), ...pads.map(p => p[1])];
  return g.node('Pad', [x, g.int64(ends)], shape, x.dtype, {mode: 'reflect'});
});
