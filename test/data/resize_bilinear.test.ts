import test from 'ava';
import {cmykToRgb, rgbToGray} from '../../src/data/color_bytes.js';
import {type Pixels, resizeBilinear} from '../../src/data/resize_bilinear.js';

const row = (values: number[]): Pixels => ({
  data: Uint8Array.from(values),
  height: 1,
  width: values.length,
  channels: 1,
});

const column = (values: number[]): Pixels => ({
  ...row(values),
  height: values.length,
  width: 1,
});

/** Any picture: no row, column or channel like another. */
const any = (height: number, width: number, channels: number): Pixels => ({
  ...{height, width, channels},
  data: Uint8Array.from(
    {length: height * width * channels},
    (_, i) => (i * i * 31 + i * 7) % 256,
  ),
});

/** Left and right exchanged. */
function mirrored({height, width, channels, data}: Pixels): Pixels {
  const output = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * width + x) * channels;
      const to = (y * width + width - 1 - x) * channels;
      output.set(data.subarray(from, from + channels), to);
    }
  }
  return {height, width, channels, data: output};
}

test('the values of Pillow', t => {
  // Image.fromarray(row).resize((n, 1), Image.BILINEAR), Pillow 13.
  const values = [0, 100, 200, 100, 0, 50, 250, 30];
  const pillow = [
    [0, 25, 75, 125, 175, 175, 125, 75, 25, 13, 38, 100, 200, 195, 85, 30],
    [0, 50, 117, 183, 150, 83, 17, 25, 83, 217, 140, 30],
    [41, 156, 56, 93, 120],
    [71, 125, 63, 127],
  ];
  for (const expected of pillow) {
    const n = expected.length;
    t.deepEqual([...resizeBilinear(row(values), 1, n)], expected);
    t.deepEqual([...resizeBilinear(column(values), n, 1)], expected);
  }
});

test('a mirrored picture gives the mirrored result: nothing is shifted', t => {
  for (const [height, width] of [
    [3, 29],
    [8, 5],
    [5, 7],
    [11, 2],
  ]) {
    const picture = any(5, 7, 3);
    const plain = resizeBilinear(picture, height, width);
    const other = resizeBilinear(mirrored(picture), height, width);
    const back = mirrored({data: other, height, width, channels: 3}).data;
    plain.forEach((value, i) => t.true(Math.abs(value - back[i]) <= 1));
  }
});

test('the same size leaves the bytes, one color stays, a box equals the part', t => {
  const picture = any(6, 9, 3);
  t.deepEqual(resizeBilinear(picture, 6, 9), picture.data);
  const white = {...picture, data: new Uint8Array(6 * 9 * 3).fill(255)};
  t.true(resizeBilinear(white, 17, 4).every(value => value === 255));
  const box = {top: 0, left: 3, height: 6, width: 6};
  const part = Uint8Array.from({length: 6 * 6 * 3}, (_, i) => {
    const [y, x] = [Math.floor(i / 18), i % 18];
    return picture.data[y * 27 + 9 + x];
  });
  t.deepEqual(resizeBilinear(picture, 6, 6, box), part);
});

test('gray values of BT.601, CMYK without a profile', t => {
  const rgb = [255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 200, 77, 90, 90, 90];
  // Image.convert('L') and Image.convert('RGB') of Pillow.
  t.deepEqual([...rgbToGray(Uint8Array.from(rgb))], [76, 150, 29, 129, 90]);
  const cmyk = [0, 0, 0, 0, 255, 0, 0, 0, 10, 200, 77, 40, 9, 8, 7, 255];
  t.deepEqual(
    [...cmykToRgb(Uint8Array.from(cmyk))],
    [255, 255, 255, 0, 255, 255, 207, 46, 150, 0, 0, 0],
  );
});
