import * as tf from '@tensorflow/tfjs';

/** Options of {@link imageGrid}. */
export interface ImageGridOptions {
  /** Examples shown, one a column: the first ones; 8, or fewer where there are fewer. */
  count?: number;
  /** Factor by which differences are multiplied; 5. */
  magnify?: number;
  /** Screen pixels a pixel; as many as make a tile about 128 high. */
  zoom?: number;
}

/** About so many white screen pixels are between tiles. */
const GAP = 4;

/**
 * Puts what an attack did into one picture. From above: the clean images, the
 * adversarial ones, and `1/2 + magnify × (adversarial − clean)`, in which
 * mid-gray means untouched.
 *
 * @param clean Images `[N, height, width, 1 or 3]` in [0, 1].
 * @param adversarial Images of the same shape.
 * @returns A picture `[H, W, 3]` in [0, 1].
 * @throws An `Error` where the shapes are not those.
 */
export function imageGrid(
  clean: tf.Tensor4D,
  adversarial: tf.Tensor4D,
  {count = 8, magnify = 5, zoom}: ImageGridOptions = {},
): tf.Tensor3D {
  const [total, height, width, channels] = clean.shape;
  if (clean.rank !== 4 || ![1, 3].includes(channels) || clean.size === 0) {
    throw new Error(
      `An image grid shows images of shape [N, height, width, 1 or 3], not [${clean.shape}].`,
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
  const columns = Math.min(count, total);
  const factor = zoom ?? Math.max(1, Math.round(128 / Math.max(height, width)));
  // Enlarging comes last, so that all else is done on small tensors.
  const gap = Math.max(1, Math.round(GAP / factor));
  return tf.tidy(() => {
    const a: tf.Tensor4D = clean.slice(0, columns);
    const b: tf.Tensor4D = adversarial.slice(0, columns);
    const difference = b.sub(a).mul(magnify).add(0.5) as tf.Tensor4D;
    const rows = [a, b, difference].map(images => row(images, gap));
    // Every tile has a gap below and to its right; now above and to the left.
    const grid = padded(tf.concat(rows, 0), [gap, 0], [gap, 0], [0, 0]);
    const rgb: tf.Tensor3D = channels === 1 ? grid.tile([1, 1, 3]) : grid;
    const [h, w] = rgb.shape;
    const size: [number, number] = [h * factor, w * factor];
    return tf.image.resizeNearestNeighbor(rgb, size) as tf.Tensor3D;
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
