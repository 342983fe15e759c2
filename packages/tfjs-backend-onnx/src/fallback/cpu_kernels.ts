import * as tf from '@tensorflow/tfjs-core';
import type {Attrs} from '../kernels/registry.js';
import type {Spec} from '../trace/spec.js';
import {typed} from '../trace/typed_arrays.js';
import type {Data, Value} from '../trace/value.js';

export interface CpuResult {
  data?: Data;
  shape: number[];
  dtype: tf.DataType;
  parts?: {real: CpuResult; imag: CpuResult};
}

/** What a cpu kernel keeps of a tensor. */
interface CpuData {
  values?: Data;
  dtype: tf.DataType;
  refCount: number;
  complexTensorInfos?: {real: tf.TensorInfo; imag: tf.TensorInfo};
}

interface CpuBackend extends tf.KernelBackend {
  data: {
    get(id: object): CpuData;
    set(id: object, data: CpuData): void;
    has(id: object): boolean;
  };
  firstUse: boolean;
}

/** A cpu backend of our own: its tensors never show in tf.memory(). */
let own: CpuBackend | undefined;

function cpu(): CpuBackend {
  if (!own) {
    const registered = tf.findBackend('cpu') as CpuBackend;
    own = new (registered.constructor as new () => CpuBackend)();
    // Its advice to install tfjs-node would come at the first write.
    own.firstUse = false;
  }
  return own;
}

/**
 * Runs the cpu backend's kernel on values whose data is there.
 * @param specs the shapes as this call sees them
 */
export function runOnCpu(
  kernel: string,
  names: readonly string[],
  specs: readonly Spec[],
  values: readonly Value[],
  attrs: Attrs,
): {results: CpuResult[]; list: boolean} {
  const config = tf.getKernel(kernel, 'cpu');
  if (!config) {
    throw new Error(
      `neither the onnx nor the cpu backend has kernel ${kernel}`,
    );
  }
  const backend = cpu();
  const infos = values.map((value, i) => lend(backend, value, specs[i]));
  const inputs = inputsOf(names, infos);
  const result = config.kernelFunc({
    inputs: inputs as unknown as tf.NamedTensorInfoMap,
    attrs,
    backend,
  });
  const list = Array.isArray(result);
  const taken = list ? result : [result];
  const results = taken.map(info => take(backend, info));
  // A kernel may return its input, or one thing twice: all is freed at the end.
  for (const {dataId} of [...taken, ...infos]) {
    if (backend.data.has(dataId)) backend.disposeData(dataId, true);
  }
  return {results, list};
}

/** The name of an element of an input that is a list. */
export function listName(name: string, index: number): string {
  return `${name}/${index}`;
}

/** Inputs as a kernel takes them: a list, or an object with lists in it. */
function inputsOf(
  names: readonly string[],
  infos: tf.TensorInfo[],
): tf.TensorInfo[] | Record<string, tf.TensorInfo | tf.TensorInfo[]> {
  if (names.length > 0 && names.every((n, i) => n === String(i))) return infos;
  const inputs: Record<string, tf.TensorInfo | tf.TensorInfo[]> = {};
  names.forEach((name, i) => {
    const [list, index] = name.split('/');
    if (index === undefined) inputs[name] = infos[i];
    else ((inputs[list] ??= []) as tf.TensorInfo[]).push(infos[i]);
  });
  return inputs;
}

function lend(backend: CpuBackend, value: Value, spec: Spec): tf.TensorInfo {
  const dataId = {};
  const {dtype, data, parts} = value;
  // Results may be views of it.
  value.sole = false;
  backend.data.set(dataId, {
    values: data,
    dtype,
    // One too many: a kernel that frees its input must not free ours.
    refCount: 2,
    complexTensorInfos: parts && {
      real: lend(backend, parts.real, {...spec, dtype: 'float32'}),
      imag: lend(backend, parts.imag, {...spec, dtype: 'float32'}),
    },
  });
  const shape = [...spec.shape];
  // Some kernels take it for granted that they are given whole tensors.
  const info = {dataId, shape, dtype: spec.dtype, rank: shape.length};
  return info;
}

function take(backend: CpuBackend, info: tf.TensorInfo): CpuResult {
  const {values, complexTensorInfos} = backend.data.get(info.dataId);
  const {shape, dtype} = info;
  if (complexTensorInfos) {
    const real = take(backend, complexTensorInfos.real);
    const imag = take(backend, complexTensorInfos.imag);
    return {shape, dtype, parts: {real, imag}};
  }
  return {data: typed(values!, dtype), shape, dtype};
}
