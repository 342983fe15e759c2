import * as tf from '@tensorflow/tfjs-core';
import {size} from '../graph/shape.js';
import {type Data, type Value, readyValue} from '../trace/value.js';
import {assertInRange, assertStackable} from '../kernels/checks.js';
import {hostKernels} from './host_kernels.js';

/** Largest result, in bytes, that is copied here instead of in a graph. */
const COPY_LIMIT = 64 * 2 ** 20;

/** Largest number of indices that are checked before a gather. */
const CHECK_LIMIT = 4096;

hostKernels.set('Slice', ([x], [info], {begin, size}) => {
  if (!x.data || x.dtype === 'string') return undefined;
  const [from, shape] = tf.slice_util.parseSliceParams(
    {shape: info.shape} as tf.Tensor,
    begin,
    size,
  );
  if (!tf.slice_util.isSliceContinous(info.shape, from, shape))
    return undefined;
  const strides = tf.util.computeStrides(info.shape);
  const start = tf.slice_util.computeFlatOffset(from, strides);
  const n = tf.util.sizeFromShape(shape);
  // A view: the batches of a data set need no memory of their own.
  x.exclusive = false;
  const data = (x.data as Float32Array).subarray(start, start + n);
  return readyValue(data, shape, x.dtype);
});

/** Known indices are checked before the graph runs; the call is recorded. */
hostKernels.set('GatherV2', ([, indices], [x], {axis}) => {
  const {data, dtype} = indices;
  if (data && dtype === 'int32' && data.length <= CHECK_LIMIT) {
    const along = tf.util.parseAxisParam(axis, x.shape)[0];
    assertInRange(data as Int32Array, x.shape[along]);
  }
  return undefined;
});

hostKernels.set('Pack', (values, infos, {axis}) => {
  if (axis !== 0) return undefined;
  assertStackable(infos);
  return concatenate(values, [values.length, ...infos[0].shape]);
});

hostKernels.set('Concat', (values, infos, {axis}) => {
  const [first] = infos;
  const along = tf.util.parseAxisParam(axis, first.shape)[0];
  if (size(first.shape.slice(0, along)) !== 1) return undefined;
  const shape = tf.backend_util.computeOutShape(
    infos.map(i => i.shape),
    along,
  );
  tf.backend_util.assertParamsConsistent(
    infos.map(i => i.shape),
    along,
  );
  return concatenate(values, shape);
});

/** The data of all `values`, one after the other. */
function concatenate(values: Value[], shape: number[]): Value | undefined {
  const [{dtype}] = values;
  const n = size(shape);
  if (dtype === 'string' || dtype === 'complex64' || 4 * n > COPY_LIMIT)
    return undefined;
  if (values.some(v => !v.data || v.dtype !== dtype)) return undefined;
  const parts = values.map(v => v.data as Float32Array);
  const data = new (parts[0].constructor as new (n: number) => Float32Array)(n);
  let position = 0;
  for (const part of parts) {
    data.set(part, position);
    position += part.length;
  }
  return readyValue(data as Data, shape, dtype);
}
