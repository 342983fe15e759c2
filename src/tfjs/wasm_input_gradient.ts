import * as tf from '@tensorflow/tfjs';
import {WASM, type WasmBackend} from './wasm_backend.js';
import {flippedFilter} from './wasm_flipped_filters.js';

/** Attributes of the kernels of both gradients of a convolution. */
export interface ConvAttrs {
  strides: number | [number, number];
  pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

/** As tfjs-core's gradient of Conv2D and transposed convolutions pass them. */
export interface InputGradientAttrs extends ConvAttrs {
  inputShape: [number, number, number, number];
}

/**
 * The gradient of a convolution's input, as a convolution: of ∂L/∂y, with zeros
 * between its entries where the strides are larger than 1, with the filter rotated
 * by 180° and its input and output channels swapped.
 *
 * @param dy [N, P, Q, K]
 * @param filter [height, width, C, K]
 * @returns [N, H, W, C]
 */
export function conv2dInputGradient(
  dy: tf.Tensor4D,
  filter: tf.Tensor4D,
  {strides, pad, dimRoundingMode, inputShape}: InputGradientAttrs,
  backend: WasmBackend,
): tf.TensorInfo {
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
  let gradient: tf.TensorInfo;
  tf.tidy(() => {
    const spread = insertZeros(dy, strideHeight, strideWidth);
    const rows = placed(inputShape[1], height, padInfo.top, spread.shape[1]);
    const columns = placed(inputShape[2], width, padInfo.left, spread.shape[2]);
    const whole =
      rows.take + columns.take === spread.shape[1] + spread.shape[2];
    const x = whole
      ? spread
      : tf.slice(
          spread,
          [0, rows.skip, columns.skip, 0],
          [-1, rows.take, columns.take, -1],
        );
    // The kernel, not tf.conv2d: the engine does not know the flipped filter.
    gradient = tf.getKernel('Conv2D', WASM).kernelFunc({
      inputs: {x, filter: flippedFilter(filter, backend)},
      attrs: {
        strides: 1,
        pad: [[0, 0], rows.pad, columns.pad, [0, 0]],
        dataFormat: 'NHWC',
        dilations: 1,
      },
      backend,
    }) as tf.TensorInfo;
  });
  return gradient!;
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
