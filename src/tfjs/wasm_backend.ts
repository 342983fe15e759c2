import * as tf from '@tensorflow/tfjs';

export const WASM = 'wasm';

/** What is used of tfjs's class BackendWasm. */
export interface WasmBackend extends tf.KernelBackend {
  /** Of all data that the backend holds. */
  dataIdMap: {has(dataId: tf.DataId): boolean};
}

/**
 * Copies of tensors that share the data of what they are copied from, as on the
 * other backends. tfjs-backend-wasm copies the values, of all that is saved for
 * a gradient too, filters among them, so that XNNPACK has to pack them again.
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

/** Puts another function in the place of a kernel's, or does nothing where there is no kernel. */
export function replace(
  kernelName: string,
  make: (original: Kernel) => Kernel,
): void {
  const original = tf.getKernel(kernelName, WASM);
  if (!original) return;
  tf.unregisterKernel(kernelName, WASM);
  tf.registerKernel({...original, kernelFunc: make(original.kernelFunc)});
}
