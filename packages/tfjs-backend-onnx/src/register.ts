// The cpu backend's kernels run what has no native kernel here.
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import {OnnxBackend} from './backend.js';
import {lowerings} from './kernels/index.js';
import {type OnnxOptions, resolveOptions} from './options.js';
import {constantKernels, viewKernels} from './special_kernels.js';
import {patchAdamOptimizer} from './tfjs/adam_optimizer.js';
import {registerBatchNormGradient} from './tfjs/batch_norm_gradient.js';
import {registerReductionGradients} from './tfjs/reduction_gradients.js';

export const BACKEND = 'onnx';

/** Above cpu (1) and wasm (2), below tfjs-node (3). */
const PRIORITY = 2.5;

let registered = false;
/** Options for the backend, which tfjs creates when it is first needed. */
let initialOptions: OnnxOptions = {};
let instance: OnnxBackend | undefined;

/**
 * Registers the backend with TensorFlow.js, without making it the active one.
 * Importing this package does so with the default options. Called again, it
 * changes the options that are given.
 *
 * @throws if an option is unknown or out of range, or the execution provider
 *     does not work here
 */
export function registerOnnx(options: OnnxOptions = {}): void {
  if (Object.keys(options).length > 0) resolveOptions(options);
  initialOptions = {...initialOptions, ...options};
  if (registered) {
    if (Object.keys(options).length > 0) instance?.configure(options);
    return;
  }
  registered = true;
  tf.registerBackend(
    BACKEND,
    () => (instance = new OnnxBackend(initialOptions)),
    PRIORITY,
  );
  registerReductionGradients(BACKEND);
  registerBatchNormGradient(BACKEND);
  patchAdamOptimizer(BACKEND);
  registerKernels();
}

function registerKernels(): void {
  const special = {...viewKernels, ...constantKernels};
  const names = new Set([
    ...nativeKernels(),
    // All others run on the cpu backend's kernels.
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

/** Names of the kernels that do not run on the cpu backend's kernels. */
export function nativeKernels(): string[] {
  return [...new Set([...lowerings.keys(), ...Object.keys(viewKernels)])];
}
