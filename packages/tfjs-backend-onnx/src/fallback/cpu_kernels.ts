import * as tf from '@tensorflow/tfjs-core';
import type {Attrs} from '../kernels/registry.js';
import {type CpuBackend, privateCpuBackend} from '../tfjs/cpu_backend.js';
import {nestInputs} from '../trace/kernel_inputs.js';
import type {Spec} from '../trace/spec.js';
import {toTypedArray} from '../trace/typed_arrays.js';
import {type Value, readyValue} from '../trace/value.js';

/**
 * Runs the cpu backend's kernel on values whose data is there.
 *
 * @param names the name of each input, as `flattenInputs` gives them
 * @param specs shape and dtype of each input as this call sees it: reshapes
 *     share their value
 * @returns the results, and whether the kernel returns a list
 */
export function runCpuKernel(
  kernel: string,
  names: readonly string[],
  specs: readonly Spec[],
  values: readonly Value[],
  attrs: Attrs,
): {results: Value[]; list: boolean} {
  const config = tf.getKernel(kernel, 'cpu');
  if (!config) {
    throw new Error(
      `onnx backend: neither this backend nor the cpu backend has a kernel '${kernel}'.`,
    );
  }
  const backend = privateCpuBackend();
  const infos = values.map((value, i) => lend(backend, value, specs[i]));
  const inputs = nestInputs(names, infos) as tf.NamedTensorInfoMap;
  const result = config.kernelFunc({inputs, attrs, backend});
  const list = Array.isArray(result);
  const outputs = list ? result : [result];
  const results = outputs.map(info => take(backend, info));
  // A kernel may return its input, or the same data twice, so everything is
  // freed at the end, once.
  for (const {dataId} of [...outputs, ...infos]) {
    if (backend.data.has(dataId)) backend.disposeData(dataId, true);
  }
  return {results, list};
}

/** Puts a value's data into the cpu backend, without a copy. */
function lend(backend: CpuBackend, value: Value, spec: Spec): tf.TensorInfo {
  const dataId = {};
  const {dtype, data, parts} = value;
  // Results may be views of it.
  value.exclusive = false;
  backend.data.set(dataId, {
    values: data,
    dtype,
    // One more than there are, so that a kernel that frees its input does not free ours.
    refCount: 2,
    complexTensorInfos: parts && {
      real: lend(backend, parts.real, {...spec, dtype: 'float32'}),
      imag: lend(backend, parts.imag, {...spec, dtype: 'float32'}),
    },
  });
  const shape = [...spec.shape];
  // Some kernels read `rank`, which only whole tensors have.
  const info = {dataId, shape, dtype: spec.dtype, rank: shape.length};
  return info;
}

function take(backend: CpuBackend, info: tf.TensorInfo): Value {
  const {values, complexTensorInfos} = backend.data.get(info.dataId);
  const {shape, dtype} = info;
  if (complexTensorInfos) {
    const value = readyValue(undefined, shape, dtype);
    const real = take(backend, complexTensorInfos.real);
    const imag = take(backend, complexTensorInfos.imag);
    value.parts = {real, imag};
    return value;
  }
  return readyValue(toTypedArray(values!, dtype), shape, dtype);
}
