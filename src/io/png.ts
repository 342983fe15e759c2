import * as tf from '@tensorflow/tfjs';
import {PNG} from 'pngjs';

/** Pixels of one picture, `[height, width, channels]`, 0 to 255. */
export interface Pixels {
  /** Row by row, the channels of a pixel together. */
  data: Uint8Array | Uint8ClampedArray;
  /** 1 (gray), 3 (RGB) or 4 (RGBA) channels. */
  shape: [height: number, width: number, channels: number];
}

/**
 * Encodes a picture as PNG: gray (1 channel), RGB (3) or RGBA (4), 8 bits.
 *
 * @param image Either a tensor `[height, width, channels]` in [0, 1] (values
 *   outside are clipped, NaN is black), or its buffer, or pixels of 0 to 255.
 *   Nothing is disposed.
 */
export function encodePng(
  image: tf.Tensor3D | tf.TensorBuffer<tf.Rank.R3> | Pixels,
): Buffer {
  const [height, width, channels] = image.shape;
  if (image.shape.length !== 3 || ![1, 3, 4].includes(channels)) {
    throw new Error(
      `A picture has the shape [height, width, 1, 3 or 4], but this one has [${image.shape}].`,
    );
  }
  if (height < 1 || width < 1) {
    throw new Error(`A picture of shape [${image.shape}] has no pixels.`);
  }
  const data = 'data' in image && !isTensor(image) ? image.data : bytes(image);
  if (data.length !== height * width * channels) {
    throw new Error(
      `A picture of shape [${image.shape}] has ${height * width * channels} values, but ${data.length} were given.`,
    );
  }
  const colorType = {1: 0, 3: 2, 4: 6}[channels] as 0 | 2 | 6;
  const png = new PNG({width, height});
  png.data = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return PNG.sync.write(png, {
    inputColorType: colorType,
    inputHasAlpha: channels === 4,
    colorType,
    // Choosing among the filters line by line takes four times as long.
    filterType: 4,
  });
}

/** What a tensor in [0, 1], or its buffer, is in whole numbers up to 255. */
export function bytes(
  image: tf.Tensor | tf.TensorBuffer<tf.Rank>,
): Uint8ClampedArray {
  const values = isTensor(image) ? image.dataSync() : image.values;
  // A clamped array rounds to the nearest and clips; NaN becomes 0.
  const result = new Uint8ClampedArray(values.length);
  for (let i = 0; i < result.length; i++) result[i] = 255 * Number(values[i]);
  return result;
}

function isTensor(x: object): x is tf.Tensor {
  return x instanceof tf.Tensor;
}
