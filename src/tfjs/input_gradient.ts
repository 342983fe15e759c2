import * as tf from '@tensorflow/tfjs';
import {installTensorflowKernels} from './tensorflow_kernels.js';
import {installWasmKernels} from './wasm_kernels.js';

/** Kernels that compute gradients of convolution filters. */
const FILTER_GRADIENTS = [
  'Conv2DBackpropFilter',
  'DepthwiseConv2dNativeBackpropFilter',
];

/**
 * Runs `f` without computing any gradient of a convolution's filter.
 *
 * tfjs's convolution layers compute that gradient eagerly even where, as in an
 * attack, only the input's is asked for: most of an attack step's time. While `f` runs, zeros are filled in
 * instead; `f` must be synchronous, so that nothing else can see that.
 */
export function withoutFilterGradients<T>(f: () => T): T {
  // The program may have loaded tfjs-node only just now.
  installTensorflowKernels();
  installWasmKernels();
  const backendName = tf.getBackend();
  const originals = FILTER_GRADIENTS.map(kernelName => {
    const original = tf.getKernel(kernelName, backendName);
    if (original) tf.unregisterKernel(kernelName, backendName);
    tf.registerKernel({
      ...original,
      kernelName,
      backendName,
      kernelFunc: ({attrs}) => tf.zeros(attrs!.filterShape as number[]),
    });
    return original;
  });
  try {
    return f();
  } finally {
    FILTER_GRADIENTS.forEach((kernelName, i) => {
      tf.unregisterKernel(kernelName, backendName);
      if (originals[i]) tf.registerKernel(originals[i]);
    });
  }
}
