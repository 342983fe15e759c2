import * as tf from '@tensorflow/tfjs';
import {batchNormGradient} from './batch_norm_gradient.js';
import {correctGradient} from './corrected_gradient.js';
import {shareCopies, WASM, type WasmBackend} from './wasm_backend.js';
import {
  type ConvAttrs,
  conv2dInputGradient,
  type InputGradientAttrs,
} from './wasm_input_gradient.js';

const FILTER_GRADIENT = 'Conv2DBackpropFilter';
const INPUT_GRADIENT = 'Conv2DBackpropInput';

/** As tfjs-core's gradient of Conv2D passes them. */
interface FilterGradientAttrs extends ConvAttrs {
  filterShape: [number, number, number, number];
}

/**
 * Installs, once, what the backend `wasm` lacks for attacks and training:
 *
 * - the gradient of a convolution with respect to its filter, which tfjs does not
 *   have there;
 * - the gradient with respect to its input, which tfjs computes by plain loops,
 *   as a convolution by XNNPACK;
 * - a gradient of batch normalization in fewer passes;
 * - `Identity` and `Cast` without copying values.
 *
 * Does nothing where `wasm` is not registered or has the first of them.
 */
export function installWasmKernels(): void {
  if (!tf.findBackend(WASM) || tf.getKernel(FILTER_GRADIENT, WASM)) {
    return;
  }
  tf.registerKernel({
    kernelName: FILTER_GRADIENT,
    backendName: WASM,
    kernelFunc: ({inputs, attrs}) =>
      conv2dFilterGradient(
        inputs.x as tf.Tensor4D,
        inputs.dy as tf.Tensor4D,
        attrs as unknown as FilterGradientAttrs,
      ),
  });
  if (tf.getKernel(INPUT_GRADIENT, WASM)) {
    tf.unregisterKernel(INPUT_GRADIENT, WASM);
  }
  tf.registerKernel({
    kernelName: INPUT_GRADIENT,
    backendName: WASM,
    kernelFunc: ({inputs, attrs, backend}) =>
      conv2dInputGradient(
        inputs.dy as tf.Tensor4D,
        inputs.filter as tf.Tensor4D,
        attrs as unknown as InputGradientAttrs,
        backend as WasmBackend,
      ),
  });
  shareCopies();
  correctGradient(
    WASM,
    'FusedBatchNorm',
    batchNormGradient((variance, epsilon) =>
      tf.rsqrt(tf.add(variance, epsilon)),
    ),
  );
}

/**
 * The gradient of a convolution's filter, as a convolution. For y = x ∗ w with
 * strides s,
 *
 *   ∂L/∂w[i, j, c, k] = Σ_{n, p, q} x[n, p s + i, q s + j, c] ∂L/∂y[n, p, q, k],
 *
 * which convolves x with ∂L/∂y as the filter, dilated by s: examples take the
 * place of channels, and channels that of examples.
 *
 * @param x [N, H, W, C]
 * @param dy [N, P, Q, K]
 * @returns [height, width, C, K]
 */
function conv2dFilterGradient(
  x: tf.Tensor4D,
  dy: tf.Tensor4D,
  {strides, pad, dimRoundingMode, filterShape}: FilterGradientAttrs,
): tf.Tensor4D {
  const {padInfo, strideHeight, strideWidth} =
    tf.backend_util.computeConv2DInfo(
      x.shape,
      filterShape,
      strides,
      1,
      pad,
      dimRoundingMode,
    );
  const [height, width] = filterShape;
  const [, p, q] = dy.shape;
  const {top, left} = padInfo;
  // Rounding up makes outputs whose window leaves the padded image.
  const missing = (size: number, have: number) => Math.max(0, size - have);
  const bottom = missing((p - 1) * strideHeight + height, x.shape[1] + top);
  const right = missing((q - 1) * strideWidth + width, x.shape[2] + left);
  return tf.tidy(() => {
    const padded = tf.pad(x, [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ]);
    const gradient = tf.conv2d(
      tf.transpose(padded, [3, 1, 2, 0]) as tf.Tensor4D,
      tf.transpose(dy, [1, 2, 0, 3]) as tf.Tensor4D,
      1,
      'valid',
      'NHWC',
      [strideHeight, strideWidth],
    );
    // Strides may leave rows of the image that no window reaches.
    const used = tf.slice(gradient, [0, 0, 0, 0], [-1, height, width, -1]);
    return tf.transpose(used, [1, 2, 0, 3]) as tf.Tensor4D;
  });
}
