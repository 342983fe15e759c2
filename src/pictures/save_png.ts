import * as tf from '@tensorflow/tfjs';
import {writeWhole} from '../io/cache.js';
import {bytes, encodePng} from '../io/png.js';
import type {Picture} from './picture.js';
import {loadTextRenderer} from './text_renderer.js';

/**
 * Writes a picture to a PNG file, whole or not at all: a tensor
 * `[height, width, 1, 3 or 4]` in [0, 1], or what `attackPicture` or `rowsPicture`
 * made, with its texts. Nothing is disposed.
 *
 * Texts need the package @resvg/resvg-js. They are in the font Arimo (Latin, Greek,
 * Cyrillic, Hebrew), and in fonts of the system for other letters.
 *
 * @throws one sentence: no picture, a file that cannot be written, the package not
 *     installed.
 */
export async function savePng(
  file: string,
  picture: tf.Tensor3D | Picture,
): Promise<void> {
  await writeWhole(file, await picturePng(picture));
}

/** The bytes of {@link savePng}'s file. */
export async function picturePng(
  picture: tf.Tensor3D | Picture,
): Promise<Buffer> {
  if (picture instanceof tf.Tensor) return encodePng(await picture.buffer());
  const {pixels, texts} = picture;
  const values = await pixels.buffer();
  if (texts.length === 0) return encodePng(values);
  const renderer = await loadTextRenderer();
  return encodePng(
    renderer({data: bytes(values), shape: [...pixels.shape]}, texts),
  );
}
