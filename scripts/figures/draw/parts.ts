import * as tf from '@tensorflow/tfjs';
import jpeg from 'jpeg-js';
import {encodePng} from '../../../src/node.js';

// What several figures are made of.

/** A channel of numbers. */
export const quantitative = (
  field: string,
  title: string,
  scale: object = {},
) => ({
  field,
  type: 'quantitative',
  title,
  scale: {zero: false, ...scale},
});

/** The title of one panel, of one or more lines. */
export const panelTitle = (text: string | string[]) => ({
  text,
  fontSize: 13,
  fontWeight: 'normal',
  anchor: 'middle',
  offset: 6,
});

/** Where something stands in a figure without axes, in pixels. */
export const PLACE = {
  x: {field: 'x', type: 'quantitative', scale: null, axis: null},
  y: {field: 'y', type: 'quantitative', scale: null, axis: null},
} as const;

/** An image [H, W, 3] in [0, 1] as a data URL, without loss. */
export const pngUrl = (image: tf.Tensor3D): string =>
  `data:image/png;base64,${encodePng(image).toString('base64')}`;

/** The same for a photograph, at a seventh of the size. */
export function jpegUrl(image: tf.Tensor3D): string {
  const [height, width] = image.shape;
  const rgba = tf.tidy(() =>
    tf
      .pad(
        tf.cast(tf.round(tf.mul(image, 255)), 'int32'),
        [
          [0, 0],
          [0, 0],
          [0, 1],
        ],
        255,
      )
      .dataSync(),
  );
  const {data} = jpeg.encode({data: Uint8Array.from(rgba), width, height}, 90);
  return `data:image/jpeg;base64,${Buffer.from(data).toString('base64')}`;
}

/** What an attack changed, five times as large, around gray. */
export const magnifiedChange = (
  adversarial: tf.Tensor4D,
  images: tf.Tensor4D,
): tf.Tensor4D =>
  tf.tidy(() => {
    const change = tf.mul<tf.Tensor4D>(tf.sub(adversarial, images), 5);
    return tf.clipByValue(tf.add<tf.Tensor4D>(change, 0.5), 0, 1);
  });

/** [H, W, 3] images of a batch. The caller disposes them. */
export const unstack = (images: tf.Tensor4D) =>
  tf.unstack(images) as tf.Tensor3D[];
