import * as tf from '@tensorflow/tfjs-core';
import {reshape, transpose} from '../graph/layout.js';
import {slice} from '../graph/regions.js';
import {define} from './registry.js';
import {tensorLike} from './tensor_like.js';

define('Slice', (g, {x}, {begin, size: want}) => {
  const like = tensorLike(x);
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

define('Unpack', (g, {value: x}, {axis}) => {
  const along = axis < 0 ? axis + x.shape.length : axis;
  const rest = x.shape.filter((_, i) => i !== along);
  // ONNX Runtime slices the innermost axis number by number; a transpose is faster.
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
  const like = tensorLike(x);
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
