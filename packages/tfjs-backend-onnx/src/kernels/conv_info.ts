import * as tf from '@tensorflow/tfjs-core';
import type {Attributes} from '../graph/graph.js';
import {type Attrs, Unsupported} from './registry.js';

export type ConvInfo = tf.backend_util.Conv2DInfo;

type Shape4D = [number, number, number, number];

/** A convolution's shapes and padding, as tfjs computes them from its attributes. */
export function convInfo(
  input: readonly number[],
  filter: readonly number[],
  {strides, dilations, pad, dimRoundingMode, dataFormat}: Attrs,
  depthwise = false,
): ConvInfo {
  if (dataFormat && dataFormat !== 'NHWC') {
    throw new Unsupported('data format NCHW');
  }
  return tf.backend_util.computeConv2DInfo(
    [...input] as Shape4D,
    [...filter] as Shape4D,
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
    depthwise,
  );
}

/** Attributes for ONNX's Conv and ConvTranspose. */
export function convAttributes(info: ConvInfo): Attributes {
  const {top, left, bottom, right} = info.padInfo;
  return {
    kernel_shape: [info.filterHeight, info.filterWidth],
    pads: [top, left, bottom, right],
    strides: [info.strideHeight, info.strideWidth],
    dilations: [info.dilationHeight, info.dilationWidth],
  };
}

/** The result's shape, NCHW. */
export function outputShape(info: ConvInfo): number[] {
  return [info.batchSize, info.outChannels, info.outHeight, info.outWidth];
}

/** Number of rows and columns of the input that no window covers because of the stride. */
export function unreached(
  info: ConvInfo,
  height: number,
  width: number,
): [number, number] {
  const {top, left, bottom, right} = info.padInfo;
  const rows =
    (info.outHeight - 1) * info.strideHeight + info.effectiveFilterHeight;
  const columns =
    (info.outWidth - 1) * info.strideWidth + info.effectiveFilterWidth;
  return [height + top + bottom - rows, width + left + right - columns];
}
