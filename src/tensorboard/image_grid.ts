import * as tf from '@tensorflow/tfjs';

/** Options of {@link imageGrid}. */
export interface ImageGridOptions {
  /** Examples shown, one a column: the first ones; 8, or fewer where there are fewer. */
  count?: number;
  /** Factor by which differences are multiplied; 5. */
  magnify?: number;
  /** Output pixels per image pixel; by default as many as make a tile about 128 high. */
  zoom?: number;
}

/** White output pixels between tiles, about. */
const GAP = 4;

/**
 * Puts what an attack did into one picture. From above: the clean images, the
 * adversarial ones, and `1/2 + magnify × (adversarial − clean)`, in which
 * mid-gray means untouched. Images of 1 channel are gray and those of 3 are RGB;
 * of any other number, each channel is a gray picture, one below the other.
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
  if (clean.rank !== 4 || clean.size === 0) {
    throw new Error(
      `An image grid shows images of shape [N, height, width, channels], not [${clean.shape}].`,
    );
  }
  if (!tf.util.arraysEqual(clean.shape, adversarial.shape)) {
    throw new Error(
      `Clean and adversarial images must have the same shape, but these have [${clean.shape}] and [${adversarial.shape}].`,
    );
  }
  for (const [name, value] of Object.entries({count, zoom: zoom ?? 1})) {
    if (!Number.isInteger(value) || value < 1) {
      throw new Error(
        `${name} of an image grid must be a whole number from 1, not ${value}.`,
      );
    }
  }
  const [total, tall, width, depth] = clean.shape;
  const rgb = depth === 3;
  const height = rgb ? tall : tall * depth;
  const columns = Math.min(count, total);
  const factor = zoom ?? Math.max(1, Math.round(128 / Math.max(height, width)));
  // Enlarging comes last, so that all else is done on small tensors.
  const gap = Math.max(1, Math.round(GAP / factor));
  return tf.tidy(() => {
    const shown = (images: tf.Tensor4D): tf.Tensor4D => {
      const some: tf.Tensor4D = images.slice(0, columns);
      return rgb
        ? some
        : some.transpose([0, 3, 1, 2]).reshape([columns, height, width, 1]);
    };
    const [a, b] = [shown(clean), shown(adversarial)];
    const difference = b.sub(a).mul(magnify).add(0.5) as tf.Tensor4D;
    const rows = [a, b, difference].map(images => row(images, gap));
    // Every tile has a gap below and to its right; now above and to the left.
    const grid = padded(tf.concat(rows, 0), [gap, 0], [gap, 0], [0, 0]);
    const colors: tf.Tensor3D = rgb ? grid : grid.tile([1, 1, 3]);
    const [h, w] = colors.shape;
    const size: [number, number] = [h * factor, w * factor];
    return tf.image.resizeNearestNeighbor(colors, size) as tf.Tensor3D;
  });
}

/** `[N, h, w, c]` to one row of tiles, `[h', N w', c]`, clipped to [0, 1]. */
function row(images: tf.Tensor4D, gap: number): tf.Tensor3D {
  const [count, height, width, channels] = images.shape;
  return padded<tf.Tensor>(
    images.clipByValue(0, 1),
    [0, 0],
    [0, gap],
    [0, gap],
    [0, 0],
  )
    .transpose([1, 0, 2, 3])
    .reshape([height + gap, count * (width + gap), channels]);
}

/** White around a tensor. */
function padded<T extends tf.Tensor>(
  x: T,
  ...paddings: Array<[before: number, after: number]>
): T {
  return x.pad(paddings, 1);
}
