import * as tf from '@tensorflow/tfjs';
import {batchNormGradient} from './batch_norm_gradient.js';
import {correctGradient} from './corrected_gradient.js';

const BACKEND = 'wasm';
const FILTER_GRADIENT = 'Conv2DBackpropFilter';
const INPUT_GRADIENT = 'Conv2DBackpropInput';

/** Attributes that both kernels have. */
interface ConvAttrs {
  strides: number | [number, number];
  pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

/** As tfjs-core's gradient of Conv2D passes them. */
interface FilterGradientAttrs extends ConvAttrs {
  filterShape: [number, number, number, number];
}

/** As tfjs-core's gradient of Conv2D and transposed convolutions pass them. */
interface InputGradientAttrs extends ConvAttrs {
  inputShape: [number, number, number, number];
}

/**
 * Installs, once, what the backend `wasm` lacks for attacks and training:
 *
 * - the gradient of a convolution with respect to its filter, which tfjs does not
 *   have there;
 * - the gradient with respect to its input, which tfjs computes by plain loops,
 *   as a convolution by XNNPACK;
 * - a gradient of batch normalization in fewer passes.
 *
 * Does nothing where `wasm` is not registered or has the first of them.
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
  if (tf.getKernel(INPUT_GRADIENT, BACKEND)) {
    tf.unregisterKernel(INPUT_GRADIENT, BACKEND);
  }
  tf.registerKernel({
    kernelName: INPUT_GRADIENT,
    backendName: BACKEND,
    kernelFunc: ({inputs, attrs}) =>
      conv2dInputGradient(
        inputs.dy as tf.Tensor4D,
        inputs.filter as tf.Tensor4D,
        attrs as unknown as InputGradientAttrs,
      ),
  });
  correctGradient(
    BACKEND,
    'FusedBatchNorm',
    batchNormGradient((variance, epsilon) =>
      tf.rsqrt(tf.add(variance, epsilon)),
    ),
  );
}

/**
 * The gradient of a convolution's input, as a convolution: of ∂L/∂y, with zeros
 * between its entries where the strides are larger than 1, with the filter turned
 * by 180° and its two kinds of channels exchanged.
 *
 * @param dy [N, P, Q, K]
 * @param filter [height, width, C, K]
 * @returns [N, H, W, C]
 */
function conv2dInputGradient(
  dy: tf.Tensor4D,
  filter: tf.Tensor4D,
  {strides, pad, dimRoundingMode, inputShape}: InputGradientAttrs,
): tf.Tensor4D {
  const {padInfo, strideHeight, strideWidth} =
    tf.backend_util.computeConv2DInfo(
      inputShape,
      filter.shape,
      strides,
      1,
      pad,
      dimRoundingMode,
    );
  const [height, width] = filter.shape;
  return tf.tidy(() => {
    const spread = insertZeros(dy, strideHeight, strideWidth);
    const rows = placed(inputShape[1], height, padInfo.top, spread.shape[1]);
    const columns = placed(inputShape[2], width, padInfo.left, spread.shape[2]);
    const padded = tf.pad(
      tf.slice(
        spread,
        [0, rows.skip, columns.skip, 0],
        [-1, rows.take, columns.take, -1],
      ),
      [[0, 0], rows.pad, columns.pad, [0, 0]],
    );
    return tf.conv2d(padded, turned(filter), 1, 'valid') as tf.Tensor4D;
  });
}

/**
 * A filter turned by 180°, with its two kinds of channels exchanged.
 *
 * The order of its places is reversed by the product with the matrix that has
 * ones on its other diagonal, which is exact and takes a tenth of the time of
 * `tf.reverse`, a loop that computes the place of each value.
 *
 * @param filter [height, width, C, K]
 * @returns [height, width, K, C]
 */
function turned(filter: tf.Tensor4D): tf.Tensor4D {
  const [height, width, c, k] = filter.shape;
  const places = height * width;
  let reversed: tf.Tensor = filter;
  if (places > 1) {
    const exchange = new Float32Array(places ** 2);
    for (let i = 0; i < places; i++) exchange[(i + 1) * (places - 1)] = 1;
    const rows = tf.reshape(filter, [places, c * k]);
    const product = tf.matMul(
      tf.tensor2d(exchange, [places, places]),
      rows as tf.Tensor2D,
    );
    reversed = tf.reshape(product, filter.shape);
  }
  return tf.transpose(reversed, [0, 1, 3, 2]) as tf.Tensor4D;
}

/** [N, P, Q, K] → [N, (P − 1) s + 1, (Q − 1) t + 1, K], with zeros between. */
function insertZeros(dy: tf.Tensor4D, s: number, t: number): tf.Tensor4D {
  if (s === 1 && t === 1) return dy;
  const [n, p, q, k] = dy.shape;
  // Padding takes four dimensions at most here: first rows, then columns.
  const rows = tf.reshape(
    tf.pad(tf.reshape(dy, [n * p, 1, q * k]), [
      [0, 0],
      [0, s - 1],
      [0, 0],
    ]),
    [n, p * s, q, k],
  );
  const both = tf.reshape(
    tf.pad(tf.reshape(rows, [n * p * s * q, 1, k]), [
      [0, 0],
      [0, t - 1],
      [0, 0],
    ]),
    [n, p * s, q * t, k],
  );
  const shape = [n, (p - 1) * s + 1, (q - 1) * t + 1, k];
  return tf.slice(both, [0, 0, 0, 0], shape) as tf.Tensor4D;
}

/**
 * How a gradient of `size` entries along an axis is placed, so that a filter of
 * `window` over it gives `input` entries: what is cut off, where the convolution
 * was padded by more than the filter reaches, and what is added.
 */
function placed(input: number, window: number, before: number, size: number) {
  const first = window - 1 - before;
  const last = input + window - 1 - first - size;
  const skip = Math.max(0, -first);
  return {
    skip,
    take: size - skip - Math.max(0, -last),
    pad: [Math.max(0, first), Math.max(0, last)] as [number, number],
  };
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
