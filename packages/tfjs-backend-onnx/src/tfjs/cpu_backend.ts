import * as tf from '@tensorflow/tfjs-core';
import type {Data} from '../trace/value.js';

/** What the cpu backend stores per tensor. */
export interface CpuData {
  values?: Data;
  dtype: tf.DataType;
  refCount: number;
  complexTensorInfos?: {real: tf.TensorInfo; imag: tf.TensorInfo};
}

export interface CpuBackend extends tf.KernelBackend {
  data: {
    get(id: object): CpuData;
    set(id: object, data: CpuData): void;
    has(id: object): boolean;
  };
  firstUse: boolean;
}

let instance: CpuBackend | undefined;

/**
 * A cpu backend that only this package uses. Its tensors do not show in
 * `tf.memory()`, and the user's own cpu backend is left alone.
 */
export function privateCpuBackend(): CpuBackend {
  if (!instance) {
    const registered = tf.findBackend('cpu') as CpuBackend;
    instance = new (registered.constructor as new () => CpuBackend)();
    // Otherwise its first write prints the advice to install tfjs-node.
    instance.firstUse = false;
  }
  return instance;
}
