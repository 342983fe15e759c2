/** Pixel bytes, row by row: [height, width, channels]. */
export interface Pixels {
  data: Uint8Array;
  height: number;
  width: number;
  channels: number;
}

/** A part of a picture, in pixels; its borders may lie within pixels. */
export interface Box {
  top: number;
  left: number;
  height: number;
  width: number;
}

/**
 * Resizes by the triangle filter, which is widened where the picture shrinks
 * (antialiasing): the same as `Image.resize(size, BILINEAR, box)` of Pillow and the
 * `Resize` of torchvision. Pixel i covers [i, i + 1], so nothing is shifted.
 *
 * value(i) = Σⱼ w(j) input(j) / Σⱼ w(j), w(j) = max(0, 1 − |j + ½ − c| / max(1, s)),
 * where c = start + (i + ½) s and s is the size of the box over that of the output.
 * Rounded to bytes after the rows, then after the columns, as Pillow does.
 *
 * sharp is not used here: its linear kernel shifts a picture that it enlarges by up
 * to half a pixel, and it reads JPEG files at a fraction of their size.
 */
export function resizeBilinear(
  picture: Pixels,
  height: number,
  width: number,
  box: Box = {top: 0, left: 0, height: picture.height, width: picture.width},
): Uint8Array {
  const {channels} = picture;
  const across = taps(picture.width, box.left, box.width, width);
  const down = taps(picture.height, box.top, box.height, height);
  const rows = across
    ? resizeRows(picture.data, picture.height, picture.width, channels, across)
    : picture.data;
  return down ? resizeColumns(rows, width * channels, down) : rows;
}

/** Where the source pixels of an output pixel begin, and their weights. */
interface Taps {
  begin: number;
  weights: Float64Array;
}

/** For each output pixel of an axis; null if the axis stays as it is. */
function taps(
  size: number,
  start: number,
  extent: number,
  outputSize: number,
): Taps[] | null {
  if (start === 0 && extent === size && outputSize === size) return null;
  const scale = extent / outputSize;
  const support = Math.max(1, scale);
  return Array.from({length: outputSize}, (_, i) => {
    const center = start + (i + 0.5) * scale;
    const begin = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(size, Math.trunc(center + support + 0.5));
    const weights = Float64Array.from({length: end - begin}, (_, k) =>
      Math.max(0, 1 - Math.abs(begin + k + 0.5 - center) / support),
    );
    const sum = weights.reduce((a, b) => a + b, 0);
    return {begin, weights: weights.map(weight => weight / sum)};
  });
}

function resizeRows(
  data: Uint8Array,
  height: number,
  width: number,
  channels: number,
  across: Taps[],
): Uint8Array {
  const output = new Uint8Array(height * across.length * channels);
  let at = 0;
  for (let y = 0; y < height; y++) {
    for (const {begin, weights} of across) {
      const first = (y * width + begin) * channels;
      for (let c = 0; c < channels; c++) {
        let sum = 0.5;
        for (let k = 0, p = first + c; k < weights.length; k++, p += channels) {
          sum += weights[k] * data[p];
        }
        output[at++] = sum;
      }
    }
  }
  return output;
}

/** @param length values of a row. */
function resizeColumns(
  data: Uint8Array,
  length: number,
  down: Taps[],
): Uint8Array {
  const output = new Uint8Array(down.length * length);
  const sums = new Float64Array(length);
  down.forEach(({begin, weights}, y) => {
    sums.fill(0.5);
    weights.forEach((weight, k) => {
      const first = (begin + k) * length;
      for (let i = 0; i < length; i++) sums[i] += weight * data[first + i];
    });
    output.set(sums, y * length);
  });
  return output;
}
