import * as tf from '@tensorflow/tfjs';

export const WASM = 'wasm';

/** The part of BackendWasm that is used here. */
export interface WasmBackend extends tf.KernelBackend {
  /** Of all data that the backend holds. */
  dataIdMap: {has(dataId: tf.DataId): boolean};
}

/**
 * Lets `Identity`, and `Cast` to the same type, share the data of their input, as
 * on the other backends. tfjs-backend-wasm copies the values, also of each tensor
 * that is saved for a gradient. XNNPACK then packs the copies of filters again.
 */
export function shareCopies(): void {
  replace('Identity', original => args => {
    const x = args.inputs.x as tf.TensorInfo;
    return x.dtype === 'string' ? original(args) : shared(x, args.backend);
  });
  replace('Cast', original => args => {
    const x = args.inputs.x as tf.TensorInfo;
    return x.dtype === args.attrs!.dtype && x.dtype !== 'string'
      ? shared(x, args.backend)
      : original(args);
  });
}

function shared(x: tf.TensorInfo, backend: unknown): tf.TensorInfo {
  (backend as WasmBackend).incRef(x.dataId);
  return {dataId: x.dataId, shape: x.shape, dtype: x.dtype};
}

type Kernel = tf.KernelConfig['kernelFunc'];

/** Replaces the function of a kernel, if there is such a kernel. */
function replace(kernelName: string, make: (original: Kernel) => Kernel): void {
  const original = tf.getKernel(kernelName, WASM);
  if (!original) return;
  tf.unregisterKernel(kernelName, WASM);
  tf.registerKernel({...original, kernelFunc: make(original.kernelFunc)});
}
