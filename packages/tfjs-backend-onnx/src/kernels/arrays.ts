import * as tf from '@tensorflow/tfjs-core';
import {cast} from '../graph/cast.js';
import {elementwise} from '../graph/elementwise.js';
import type {IrDtype} from '../graph/graph.js';
import {expand, reshape, transpose} from '../graph/layout.js';
import {concat, pad, slice} from '../graph/regions.js';
import {size} from '../graph/shape.js';
import {assertStackable} from './checks.js';
import {Unsupported, define, listed} from './registry.js';

define('Cast', (g, {x}, {dtype}) => {
  if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool') {
    throw new Unsupported(`a cast to ${dtype}`);
  }
  return cast(g, x, dtype);
});

define('Fill', (g, {value}, {shape, dtype}) => {
  if (!value) throw new Unsupported('strings stay on the cpu');
  return expand(g, cast(g, value, dtype ?? 'float32'), shape);
});
define('ZerosLike', (g, {x}) => g.splat(0, x.shape, x.dtype));
define('OnesLike', (g, {x}) => g.splat(1, x.shape, x.dtype));

define('Transpose', (g, {x}, {perm}) => transpose(g, x, perm));
define('PadV2', (g, {x}, {paddings, constantValue}) =>
  pad(g, x, paddings, constantValue),
);

define('MirrorPad', (g, {x}, {paddings, mode}) => {
  const pads = paddings as [number, number][];
  const shape = x.shape.map((d, i) => d + pads[i][0] + pads[i][1]);
  if (mode === 'symmetric') {
    // The same along each axis in turn: the edge, mirrored, is put beside it.
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

define('Slice', (g, {x}, {begin, size: want}) => {
  const like = {shape: x.shape} as unknown as tf.Tensor;
  const [from, shape] = tf.slice_util.parseSliceParams(like, begin, want);
  tf.slice_util.assertParamsValid(like, from, shape);
  return slice(g, x, from, shape);
});

define('StridedSlice', (g, {x}, attrs) => {
  const {finalShape, begin, end, strides} = tf.slice_util.sliceInfo(
    [...x.shape],
    attrs.begin,
    attrs.end,
    attrs.strides,
    attrs.beginMask,
    attrs.endMask,
    attrs.ellipsisMask,
    attrs.newAxisMask,
    attrs.shrinkAxisMask,
  );
  if (finalShape.includes(0)) return g.splat(0, finalShape, x.dtype);
  const taken = tf.slice_util.computeOutShape(begin, end, strides);
  return reshape(g, slice(g, x, begin, taken, strides), finalShape);
});

define('Reverse', (g, {x}, {dims}) => {
  const axes = tf.util.parseAxisParam(dims, [...x.shape]);
  if (x.shape.length === 0) return x;
  return slice(
    g,
    x,
    x.shape.map((d, i) => (axes.includes(i) ? d - 1 : 0)),
    x.shape,
    x.shape.map((_, i) => (axes.includes(i) ? -1 : 1)),
  );
});

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

define('Unpack', (g, {value: x}, {axis}) => {
  const along = axis < 0 ? axis + x.shape.length : axis;
  const rest = x.shape.filter((_, i) => i !== along);
  // Of an innermost axis ONNX Runtime cuts number by number, each time anew.
  const others = x.shape.map((_, i) => i).filter(i => i !== along);
  const front = transpose(g, x, [along, ...others]);
  return Array.from({length: x.shape[along]}, (_, k) => {
    const part = slice(
      g,
      front,
      front.shape.map((_, i) => (i === 0 ? k : 0)),
      front.shape.map((d, i) => (i === 0 ? 1 : d)),
    );
    return reshape(g, part, rest);
  });
});

define('SplitV', (g, {x}, {numOrSizeSplits, axis}) => {
  const along = tf.util.parseAxisParam(axis, [...x.shape])[0];
  const like = {shape: x.shape} as unknown as tf.Tensor;
  const sizes = tf.backend_util.prepareSplitSize(like, numOrSizeSplits, along);
  let begin = 0;
  return sizes.map(length => {
    const part = slice(
      g,
      x,
      x.shape.map((_, i) => (i === along ? begin : 0)),
      x.shape.map((d, i) => (i === along ? length : d)),
    );
    begin += length;
    return part;
  });
});

define('Tile', (g, {x}, {reps}) => {
  const shape = x.shape.map((d, i) => d * reps[i]);
  if (x.shape.every((d, i) => d === 1 || reps[i] === 1)) {
    return expand(g, x, shape);
  }
  return g.node('Tile', [x, g.int64(reps)], shape, x.dtype);
});

define('BroadcastTo', (g, {x}, {shape}) => expand(g, x, shape));

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

define('SpaceToBatchND', (g, {x}, {blockShape, paddings}) => {
  const blocks = blockShape as number[];
  const padded = pad(g, x, [
    [0, 0],
    ...paddings,
    ...x.shape.slice(1 + blocks.length).map(() => [0, 0] as [number, number]),
  ]);
  const [batch, ...rest] = padded.shape;
  const spatial = rest.slice(0, blocks.length).map((d, i) => d / blocks[i]);
  const channels = rest.slice(blocks.length);
  const split = [
    batch,
    ...spatial.flatMap((d, i) => [d, blocks[i]]),
    ...channels,
  ];
  const inner = blocks.map((_, i) => 2 * i + 2);
  const outer = blocks.map((_, i) => 2 * i + 1);
  const last = channels.map((_, i) => 2 * blocks.length + 1 + i);
  const moved = transpose(g, reshape(g, padded, split), [
    ...inner,
    0,
    ...outer,
    ...last,
  ]);
  return reshape(g, moved, [batch * size(blocks), ...spatial, ...channels]);
});

define('BatchToSpaceND', (g, {x}, {blockShape, crops}) => {
  const blocks = blockShape as number[];
  const m = blocks.length;
  const batch = x.shape[0] / size(blocks);
  const spatial = x.shape.slice(1, 1 + m);
  const channels = x.shape.slice(1 + m);
  const split = reshape(g, x, [...blocks, batch, ...spatial, ...channels]);
  const order = [
    m,
    ...blocks.flatMap((_, i) => [m + 1 + i, i]),
    ...channels.map((_, i) => 2 * m + 1 + i),
  ];
  const whole = spatial.map((d, i) => d * blocks[i]);
  const joined = reshape(g, transpose(g, split, order), [
    batch,
    ...whole,
    ...channels,
  ]);
  const begin = [
    0,
    ...crops.map((c: number[]) => c[0]),
    ...channels.map(() => 0),
  ];
  const keep = whole.map((d, i) => d - crops[i][0] - crops[i][1]);
  return slice(g, joined, begin, [batch, ...keep, ...channels]);
});

define('DepthToSpace', (g, {x}, {blockSize: b, dataFormat}) => {
  if (dataFormat === 'NCHW') throw new Unsupported('data format NCHW');
  const [n, h, w, c] = x.shape;
  const d = c / (b * b);
  const split = transpose(
    g,
    reshape(g, x, [n, h, w, b, b, d]),
    [0, 1, 3, 2, 4, 5],
  );
  return reshape(g, split, [n, h * b, w * b, d]);
});
