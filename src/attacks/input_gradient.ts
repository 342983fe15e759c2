import * as tf from '@tensorflow/tfjs';

/** Kernels that compute gradients of convolution filters. */
const FILTER_GRADIENTS = [
  'Conv2DBackpropFilter',
  'DepthwiseConv2dNativeBackpropFilter',
];

/**
 * Runs `f` without computing any gradient of a convolution's filter.
 *
 * tfjs's convolution layers compute that gradient eagerly even where, as in an
 * attack, only the input's is asked for: most of an attack step's time. While `f`
 * runs, the kernels of the present backend that would compute it fill in zeros
 * instead; `f` must be synchronous, so that nothing else can see that.
 */
export function withoutFilterGradients<T>(f: () => T): T {
  const backend = tf.getBackend();
  const originals = FILTER_GRADIENTS.map(name =>
    tf.getKernel(name, backend),
  ).filter(kernel => kernel?.kernelFunc);
  const replace = (kernel: tf.KernelConfig) => {
    tf.unregisterKernel(kernel.kernelName, backend);
    tf.registerKernel(kernel);
  };
  for (const kernel of originals) {
    replace({
      ...kernel,
      kernelFunc: ({attrs}) => tf.zeros(attrs!.filterShape as number[]),
    });
  }
  try {
    return f();
  } finally {
    originals.forEach(replace);
  }
}
