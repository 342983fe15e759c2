import * as tf from '@tensorflow/tfjs';

/** White output pixels between tiles, about. */
const GAP = 4;

/** How {@link tile} arranges images. */
export interface TileOptions {
  /** Output pixels per image pixel. */
  zoom: number;
  /** Output pixels to the left, at least. Default 0. */
  left?: number;
  /** Output pixels below the images of each row, at least. Default 0. */
  below?: readonly number[];
}

/** Rows of images in one picture. */
export interface Tiled {
  /** `[height, width, 3]` in [0, 1]. */
  pixels: tf.Tensor3D;
  /** Output pixels of one image. */
  tile: {width: number; height: number};
  /** Left edge of each column, in output pixels. */
  x: number[];
  /** Upper edge of each row's images, in output pixels. */
  y: number[];
}

/**
 * Output pixels per image pixel that make a tile about 128 high or wide; 1 for
 * larger images.
 */
export function defaultZoom(shape: readonly number[]): number {
  const [tall, wide] = shownSize(shape);
  return Math.max(1, Math.round(128 / Math.max(tall, wide)));
}

/** Height and width of an image `[N, H, W, C]` as it is shown: see {@link tile}. */
function shownSize(shape: readonly number[]): [tall: number, wide: number] {
  const [, height, width, channels] = shape;
  return [channels === 1 || channels === 3 ? height : height * channels, width];
}

/**
 * Puts rows of images, each `[N, H, W, C]` in [0, 1], on white. Images of 1 channel
 * are gray and those of 3 are RGB; of any other number, each channel is a gray
 * picture, one below the other.
 */
export function tile(
  rows: readonly tf.Tensor4D[],
  {zoom, left = 0, below = []}: TileOptions,
): Tiled {
  const [columns, , , channels] = rows[0].shape;
  const [tall, wide] = shownSize(rows[0].shape);
  // Enlarging comes last, so that all else is done on small tensors.
  const gap = Math.max(1, Math.round(GAP / zoom));
  const margin = Math.max(gap, Math.ceil(left / zoom));
  const under = rows.map((_, i) => gap + Math.ceil((below[i] ?? 0) / zoom));
  const pixels = tf.tidy(() => {
    const strips = rows.map((images, i) => {
      const shown: tf.Tensor4D =
        channels === 1 || channels === 3
          ? images
          : tf.reshape(tf.transpose(images, [0, 3, 1, 2]), [
              columns,
              tall,
              wide,
              1,
            ]);
      return strip(shown, gap, under[i]);
    });
    const all = padded(tf.concat(strips, 0), [gap, 0], [margin, 0], [0, 0]);
    const colors: tf.Tensor3D = channels === 3 ? all : tf.tile(all, [1, 1, 3]);
    const [h, w] = colors.shape;
    return tf.image.resizeNearestNeighbor(colors, [h * zoom, w * zoom]);
  }) as tf.Tensor3D;
  const above = (row: number) =>
    under.slice(0, row).reduce((sum, n) => sum + tall + n, gap);
  return {
    pixels,
    tile: {width: wide * zoom, height: tall * zoom},
    x: Array.from(
      {length: columns},
      (_, i) => zoom * (margin + i * (wide + gap)),
    ),
    y: rows.map((_, i) => zoom * above(i)),
  };
}

/** `[N, h, w, c]` to one row of tiles, `[h + under, N (w + gap), c]`, clipped to [0, 1]. */
function strip(images: tf.Tensor4D, gap: number, under: number): tf.Tensor3D {
  const [count, height, width, channels] = images.shape;
  const framed = padded(
    tf.clipByValue(images, 0, 1),
    [0, 0],
    [0, under],
    [0, gap],
    [0, 0],
  );
  return tf.reshape(tf.transpose(framed, [1, 0, 2, 3]), [
    height + under,
    count * (width + gap),
    channels,
  ]);
}

/** White around a tensor. */
function padded<T extends tf.Tensor>(
  x: T,
  ...paddings: Array<[before: number, after: number]>
): T {
  return tf.pad(x, paddings, 1);
}
