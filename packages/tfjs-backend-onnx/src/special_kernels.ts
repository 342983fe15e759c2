import * as tf from '@tensorflow/tfjs-core';
import type {OnnxBackend} from './backend.js';
import {size} from './graph/shape.js';
import type {Attrs} from './kernels/registry.js';
import type {KernelInputs} from './trace/kernel_inputs.js';

/** A kernel that does something else than record one call. */
export type SpecialKernel = (
  backend: OnnxBackend,
  inputs: KernelInputs,
  attrs: Attrs,
) => tf.TensorInfo | tf.TensorInfo[];

const input = (inputs: KernelInputs, name: string): tf.TensorInfo =>
  (inputs as tf.NamedTensorInfoMap)[name]!;

/** Kernels that return the same data with another shape. */
export const viewKernels: Record<string, SpecialKernel> = {
  Identity: (backend, inputs) => {
    const x = input(inputs, 'x');
    return backend.share(x, x.shape);
  },
  Reshape: (backend, inputs, {shape}) => {
    const x = input(inputs, 'x');
    const n = size(x.shape);
    const inferred = tf.util.inferFromImplicitShape(shape, n);
    tf.util.assert(
      n === size(inferred),
      () =>
        `The new shape (${inferred}) has ${size(inferred)} elements and the old shape (${x.shape}) has ${n} elements. The new shape and old shape must have the same number of elements.`,
    );
    return backend.share(x, inferred);
  },
  ExpandDims: (backend, inputs, {dim}) => {
    const x = input(inputs, 'input');
    const shape = x.shape.slice();
    const lowest = -(shape.length + 1);
    tf.util.assert(
      dim >= lowest,
      () => `Axis must be in the interval [${lowest}, ${shape.length}]`,
    );
    shape.splice(dim < 0 ? dim + shape.length + 1 : dim, 0, 1);
    return backend.share(x, shape);
  },
  Cast: (backend, inputs, attrs) => {
    const x = input(inputs, 'x');
    if (x.dtype === attrs.dtype) return backend.share(x, x.shape);
    return backend.runKernel('Cast', inputs, attrs);
  },
};

/**
 * Kernels whose numeric attributes become inputs, so that a number that changes
 * does not change the graph.
 */
export const constantKernels: Record<string, SpecialKernel> = {
  Fill: (backend, _inputs, {shape, value, dtype}) => {
    const type = dtype ?? tf.util.inferDtype(value);
    if (type === 'string') {
      return backend.runKernel('Fill', {}, {shape, value, dtype: type});
    }
    const scalar = backend.scalar(value, type);
    const result = backend.runKernel(
      'Fill',
      {value: scalar},
      {shape, dtype: type},
    );
    backend.disposeData(scalar.dataId);
    return result;
  },
  // A bound may grow from epoch to epoch.
  ClipByValue: (backend, inputs, {clipValueMin, clipValueMax}) => {
    const x = input(inputs, 'x');
    if (x.dtype !== 'float32') {
      const attrs = {clipValueMin, clipValueMax};
      return backend.runKernel('ClipByValue', inputs, attrs);
    }
    const low = backend.scalar(clipValueMin, x.dtype);
    const high = backend.scalar(clipValueMax, x.dtype);
    const above = backend.runKernel('Maximum', {a: x, b: low});
    const result = backend.runKernel('Minimum', {
      a: above as tf.TensorInfo,
      b: high,
    });
    for (const {dataId} of [low, high, above as tf.TensorInfo]) {
      backend.disposeData(dataId);
    }
    return result;
  },
};
