import * as tf from '@tensorflow/tfjs';
import {checkPair, checkWhole, differenceImages} from './difference.js';
import {defaultZoom, tile} from './tiles.js';

/** Options of {@link imageGrid}. */
export interface ImageGridOptions {
  /** Examples shown, one a column: the first ones; 8, or fewer where there are fewer. */
  count?: number;
  /** Factor by which differences are multiplied; 5. */
  magnify?: number;
  /** Output pixels per image pixel; by default as many as make a tile about 128 high. */
  zoom?: number;
}

/**
 * Puts what an attack did into one picture, without texts; {@link attackPicture}
 * adds them. From above: the clean images, the adversarial ones, and
 * `1/2 + magnify × (adversarial − clean)`, in which mid-gray means untouched.
 * Images of 1 channel are gray and those of 3 are RGB; of any other number, each
 * channel is a gray picture, one below the other.
 *
 * @param clean Images `[N, height, width, channels]` in [0, 1].
 * @param adversarial Images of the same shape.
 * @returns A picture `[H, W, 3]` in [0, 1].
 * @throws An `Error` where the shapes are not those.
 */
export function imageGrid(
  clean: tf.Tensor4D,
  adversarial: tf.Tensor4D,
  {count = 8, magnify = 5, zoom}: ImageGridOptions = {},
): tf.Tensor3D {
  checkPair(clean, adversarial);
  checkWhole({count, zoom});
  return tf.tidy(() => {
    const [a, b] = [clean, adversarial].map(images =>
      tf.slice(images, 0, Math.min(count, images.shape[0])),
    );
    const rows = [a, b, differenceImages(a, b, magnify)];
    return tile(rows, {zoom: zoom ?? defaultZoom(clean.shape)}).pixels;
  });
}
