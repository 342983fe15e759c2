import {randomStream} from './random.js';

/** Random changes of a training image that keep its class. */
export interface Augmentation {
  /** Mirror every other image, on average, left to right. Default true. */
  flip?: boolean;
  /**
   * Zero pixels put around the image before a window of the old size is cut
   * out at random; 0 for none. Default 4.
   */
  crop?: number;
}

/** What happens to one image: source pixel = target pixel + offset. */
export interface Placement {
  dy: number;
  dx: number;
  flip: boolean;
}

/** Draws one image's placement; equal seeds give equal placements. */
export function drawPlacement(
  {flip = true, crop = 4}: Augmentation,
  ...seeds: number[]
): Placement {
  const random = randomStream(...seeds);
  const shift = () => Math.floor(random() * (2 * crop + 1)) - crop;
  return {dy: shift(), dx: shift(), flip: flip && random() < 0.5};
}

/** @throws when an option is out of its range. */
export function checkAugmentation({crop = 4}: Augmentation): void {
  if (!Number.isInteger(crop) || crop < 0) {
    throw new Error(
      `crop must be a whole number of pixels, 0 or more, but it is ${crop}.`,
    );
  }
}

type Pixels = Uint8Array | Float32Array;

/**
 * Writes the image of `source` at `sourceOffset` into `target` at
 * `targetOffset`, moved and mirrored; pixels from outside are zero. `target`
 * must hold zeros there. As in the usual PyTorch recipe (a random horizontal
 * flip, then a random crop with padding), mirroring comes first.
 *
 * @param shape `[height, width, channels]`.
 * @param convert applied to each value on the way, for instance byte → float.
 */
export function placeImage(
  source: Pixels,
  sourceOffset: number,
  target: Pixels,
  targetOffset: number,
  [height, width, channels]: readonly [number, number, number],
  {dy, dx, flip}: Placement,
  convert?: Float32Array,
): void {
  for (let y = Math.max(0, -dy); y < Math.min(height, height - dy); y++) {
    const row = sourceOffset + (y + dy) * width * channels;
    for (let x = Math.max(0, -dx); x < Math.min(width, width - dx); x++) {
      const column = flip ? width - 1 - (x + dx) : x + dx;
      const from = row + column * channels;
      const to = targetOffset + (y * width + x) * channels;
      for (let c = 0; c < channels; c++) {
        const value = source[from + c];
        target[to + c] = convert ? convert[value] : value;
      }
    }
  }
}

/**
 * Flips and crops each image of a batch at random (He et al. 2016, section
 * 4.2), on the host, so that it works with every backend.
 *
 * @param images `[count, height, width, channels]` in row-major order, of any
 *     range; the input is left untouched.
 * @param shape `[height, width, channels]`.
 * @param options `seed` chooses the changes: image `i` gets those of
 *     `(seed, i)`.
 * @returns a new array of the same type and shape.
 */
export function augment<T extends Uint8Array | Float32Array>(
  images: T,
  shape: readonly [number, number, number],
  options: Augmentation & {seed?: number} = {},
): T {
  checkAugmentation(options);
  const size = shape[0] * shape[1] * shape[2];
  if (images.length % size !== 0) {
    throw new Error(
      `${images.length} values are no whole number of images of ${shape.join('×')}.`,
    );
  }
  const result = images.slice().fill(0) as T;
  for (let i = 0; i * size < images.length; i++) {
    const placement = drawPlacement(options, options.seed ?? 0, i);
    placeImage(images, i * size, result, i * size, shape, placement);
  }
  return result;
}
