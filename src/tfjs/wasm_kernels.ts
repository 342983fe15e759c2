import * as tf from '@tensorflow/tfjs';

const BACKEND = 'wasm';
const FILTER_GRADIENT = 'Conv2DBackpropFilter';

/** Attributes of the kernel, as tfjs-core's gradient of Conv2D passes them. */
interface FilterGradientAttrs {
  strides: number | [number, number];
  pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
  filterShape: [number, number, number, number];
}

/**
 * Installs the one kernel that tfjs's `wasm` lacks for training convolutional
 * networks: the gradient of a convolution with respect to its filter. Does
 * nothing where `wasm` is not registered or has the kernel.
 */
export function installWasmKernels(): void {
  if (!tf.findBackend(BACKEND) || tf.getKernel(FILTER_GRADIENT, BACKEND)) {
    return;
  }
  tf.registerKernel({
    kernelName: FILTER_GRADIENT,
    backendName: BACKEND,
    kernelFunc: ({inputs, attrs}) =>
      conv2dFilterGradient(
        inputs.x as tf.Tensor4D,
        inputs.dy as tf.Tensor4D,
        attrs as unknown as FilterGradientAttrs,
      ),
  });
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
