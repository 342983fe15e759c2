import * as tf from '@tensorflow/tfjs';
import {batchNormGradient} from './batch_norm_gradient.js';
import {type GradFunc, correctGradient} from './corrected_gradient.js';

/**
 * Corrections for the backend `tensorflow` (tfjs-node and tfjs-node-gpu): the
 * same results by faster ways. Each says what it replaces and why. Elsewhere
 * the originals stay in force.
 */

const BACKEND = 'tensorflow';
/** Our kernel; that it is registered also tells that all of this is done. */
const RELU_GRAD = 'ReluGrad';

/** What is used here of tfjs-node's backend, whose types are not at hand. */
interface NodeBackend {
  isGPUPackage?: boolean;
  isUsingGpuDevice?: boolean;
  binding: {TF_ATTR_TYPE: number; TF_FLOAT: number};
  executeSingleOutput(
    op: string,
    attributes: {name: string; type: number; value: number}[],
    inputs: tf.Tensor[],
  ): tf.Tensor;
}

/**
 * Installs the corrections, once; does nothing where no backend `tensorflow`
 * is registered.
 */
export function installTensorflowKernels(): void {
  const backend = tf.findBackend(BACKEND) as unknown as NodeBackend | null;
  if (!backend || tf.getKernel(RELU_GRAD, BACKEND)) return;
  correctGradient(BACKEND, 'Relu', reluGradient);
  correctGradient(
    BACKEND,
    'FusedBatchNorm',
    batchNormGradient((variance, epsilon) =>
      tf.rsqrt(tf.add(variance, epsilon)),
    ),
  );
  if (!backend.isUsingGpuDevice && !usesOneDnn()) correctConvolution();
  registerReluGrad();
}

/**
 * The gradient of relu. tfjs-core multiplies by `step(x)`, which tfjs-node
 * composes of five ops, each a pass through memory; TensorFlow has one op for
 * the whole. (Where x is NaN it gives 0 instead of NaN.)
 */
const reluGradient =
  (original: GradFunc): GradFunc =>
  (dy, saved, attributes) => {
    const [x] = saved;
    const {dtype} = dy as tf.Tensor;
    if (x.dtype !== 'float32' || dtype !== 'float32') {
      return original(dy, saved, attributes);
    }
    return {x: () => reluGrad(dy as tf.Tensor, x)};
  };

function reluGrad(dy: tf.Tensor, x: tf.Tensor): tf.Tensor {
  return tf.engine().runKernel(RELU_GRAD, {dy, x}) as tf.Tensor;
}

function registerReluGrad(): void {
  tf.registerKernel({
    kernelName: RELU_GRAD,
    backendName: BACKEND,
    kernelFunc: ({inputs, backend}) => {
      const {dy, x} = inputs as {dy: tf.Tensor; x: tf.Tensor};
      const {binding} = backend as NodeBackend;
      const type = {
        name: 'T',
        type: binding.TF_ATTR_TYPE,
        value: binding.TF_FLOAT,
      };
      return (backend as NodeBackend).executeSingleOutput(
        RELU_GRAD,
        [type],
        [dy, x],
      );
    },
  });
  // For gradients of gradients.
  tf.registerGradient({
    kernelName: RELU_GRAD,
    inputsToSave: ['x'],
    gradFunc: (dy, [x]) => ({
      dy: () => reluGrad(dy as tf.Tensor, x),
      x: () => tf.zerosLike(x),
    }),
  });
}

/**
 * The gradient of a convolution's input. Without oneDNN, TensorFlow's own op
 * takes up to three times what the same result takes as a convolution of dy
 * with the filter turned by 180° and its channels swapped.
 */
function correctConvolution(): void {
  const kernelName = 'Conv2DBackpropInput';
  const original = tf.getKernel(kernelName, BACKEND);
  tf.unregisterKernel(kernelName, BACKEND);
  tf.registerKernel({
    ...original,
    kernelFunc: params => {
      const {dy, filter} = params.inputs as {
        dy: tf.Tensor4D;
        filter: tf.Tensor4D;
      };
      if (
        !fasterAsForward(
          filter.shape,
          params.attrs as unknown as ConvAttributes,
        )
      ) {
        return original.kernelFunc(params);
      }
      return tf.tidy(() => {
        const turned = filter
          .reverse([0, 1])
          .transpose<tf.Tensor4D>([0, 1, 3, 2]);
        return tf.conv2d(dy, turned, 1, 'same');
      });
    },
  });
}

interface ConvAttributes {
  strides: number | [number, number];
  pad: string | number | number[][];
  dataFormat: 'NHWC' | 'NCHW';
  inputShape: [number, number, number, number];
}

/** Where it is possible by 'same' padding and was measured to be faster. */
function fasterAsForward(
  [kernelHeight, kernelWidth, channels]: number[],
  {strides, pad, dataFormat, inputShape}: ConvAttributes,
): boolean {
  const [, height, width] = inputShape;
  return (
    dataFormat === 'NHWC' &&
    [strides].flat().every(stride => stride === 1) &&
    // Both ways pad alike only if what is padded can be halved.
    kernelHeight % 2 === 1 &&
    kernelWidth % 2 === 1 &&
    (pad === 'same' ||
      (kernelHeight === 1 && kernelWidth === 1 && pad === 'valid')) &&
    height * width * channels >= 8192
  );
}

/**
 * Whether TensorFlow computes by oneDNN: as the environment says, else if the
 * processor has instructions for neural networks, which is TensorFlow's rule.
 */
function usesOneDnn(): boolean {
  const {env, platform} = process;
  if (platform !== 'linux') return false;
  const wanted = env.TF_ENABLE_ONEDNN_OPTS?.toLowerCase();
  if (wanted) return wanted === '1' || wanted === 'true';
  try {
    // Not imported: browsers load this file too.
    const {readFileSync} = process.getBuiltinModule('node:fs');
    return NEURAL_INSTRUCTIONS.test(readFileSync('/proc/cpuinfo', 'utf8'));
  } catch {
    return false;
  }
}

const NEURAL_INSTRUCTIONS =
  /\b(avx512_vnni|avx512_bf16|avx_vnni|amx_tile|amx_int8|amx_bf16)\b/;
