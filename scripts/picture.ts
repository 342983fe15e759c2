import * as tf from '@tensorflow/tfjs';

const ZOOM = 3;
const GAP = 2;

/** Batches of images as the rows of one picture, [H, W, 3], enlarged, white between them. */
export function pictureOfRows(rows: tf.Tensor4D[]): tf.Tensor3D {
  return tf.tidy(() => {
    const strips = rows.map(images => {
      const tiles = tf.unstack(framed(images)) as tf.Tensor3D[];
      return tf.concat(tiles, 1);
    });
    return tf.concat(strips, 0) as tf.Tensor3D;
  });
}

/** Each image enlarged by repeating its pixels, with white to its right and below. */
function framed(images: tf.Tensor4D): tf.Tensor4D {
  const [, height, width] = images.shape;
  const large = tf.image.resizeNearestNeighbor(images, [
    height * ZOOM,
    width * ZOOM,
  ]);
  return tf.pad(
    large,
    [
      [0, 0],
      [0, GAP],
      [0, GAP],
      [0, 0],
    ],
    1,
  );
}
