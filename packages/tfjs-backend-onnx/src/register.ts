// Its kernels run what has none here.
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import {OnnxBackend} from './backend.js';
import {registerBatchNormGradient} from './tfjs/batch_norm_gradient.js';
import {registerGradients} from './tfjs/reduction_gradients.js';
import {registerOptimizers} from './tfjs/adam_optimizer.js';
import {lowerings} from './kernels/index.js';
import './fallback/host_slice_and_concat.js';
import type {Attrs} from './kernels/registry.js';
import type {OnnxOptions} from './options.js';
import {size} from './graph/shape.js';

export const BACKEND = 'onnx';

/** Above cpu (1) and wasm (2), below tfjs-node (3). */
const PRIORITY = 2.5;

type Inputs = tf.NamedTensorInfoMap | tf.TensorInfo[] | undefined;
type Kernel = (
  backend: OnnxBackend,
  inputs: Inputs,
  attrs: Attrs,
) => tf.TensorInfo | tf.TensorInfo[];

const input = (inputs: Inputs, name: string): tf.TensorInfo =>
  (inputs as tf.NamedTensorInfoMap)[name]!;

/** Kernels that only give the same data another shape. */
const views: Record<string, Kernel> = {
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

/** Kernels whose numbers are inputs, so that another number is the same graph. */
const withNumbers: Record<string, Kernel> = {
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

let registered = false;

/** Makes the backend known to TensorFlow.js; does nothing the second time. */
export function registerOnnx(options: OnnxOptions = {}): void {
  if (registered) return;
  registered = true;
  tf.registerBackend(BACKEND, () => new OnnxBackend(options), PRIORITY);
  registerGradients(BACKEND);
  registerBatchNormGradient(BACKEND);
  registerOptimizers(BACKEND);
  const special = {...views, ...withNumbers};
  const names = new Set([
    ...lowerings.keys(),
    ...Object.keys(special),
    // Everything else runs on the cpu backend's kernels.
    ...tf.getKernelsForBackend('cpu').map(k => k.kernelName),
  ]);
  for (const kernelName of names) {
    const own = special[kernelName];
    tf.registerKernel({
      kernelName,
      backendName: BACKEND,
      kernelFunc: ({inputs, attrs, backend}) => {
        const onnx = backend as OnnxBackend;
        return own
          ? own(onnx, inputs, attrs ?? {})
          : onnx.runKernel(kernelName, inputs, attrs);
      },
    });
  }
}
