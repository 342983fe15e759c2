import test from 'ava';
import {augment, drawPlacement, placeImage} from '../../src/data/augment.js';

const shape = [4, 5, 2] as const;
const image = Uint8Array.from({length: 4 * 5 * 2}, (_, i) => i + 1);

/** The same by the definition: mirror, pad with zeros, cut out. */
function expected(dy: number, dx: number, flip: boolean): number[] {
  const [height, width, channels] = shape;
  const result: number[] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        const [row, column] = [y + dy, x + dx];
        const inside =
          row >= 0 && row < height && column >= 0 && column < width;
        const source = flip ? width - 1 - column : column;
        result.push(inside ? image[(row * width + source) * channels + c] : 0);
      }
    }
  }
  return result;
}

test('every shift and mirror image is what its definition says', t => {
  for (const flip of [false, true]) {
    for (let dy = -5; dy <= 5; dy++) {
      for (let dx = -6; dx <= 6; dx++) {
        const target = new Uint8Array(image.length);
        placeImage(image, 0, target, 0, shape, {dy, dx, flip});
        t.deepEqual([...target], expected(dy, dx, flip));
      }
    }
  }
});

test('all shifts and both orientations come about equally often', t => {
  const counts = new Map<string, number>();
  for (let i = 0; i < 16200; i++) {
    const {dy, dx, flip} = drawPlacement({}, 1, i);
    const key = `${dy} ${dx} ${flip}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  // 81 shifts, two orientations, 100 of each expected.
  t.is(counts.size, 162);
  t.true([...counts.values()].every(n => n > 55 && n < 150));
});

test('a batch is changed image by image, by its seed', t => {
  const batch = new Uint8Array(8 * image.length);
  for (let i = 0; i < 8; i++) batch.set(image, i * image.length);
  const input = batch.slice();
  const first = augment(batch, shape, {seed: 1});
  t.deepEqual(batch, input);
  t.deepEqual(augment(batch, shape, {seed: 1}), first);
  t.notDeepEqual(augment(batch, shape, {seed: 2}), first);
  for (let i = 0; i < 8; i++) {
    const {dy, dx, flip} = drawPlacement({}, 1, i);
    const part = first.subarray(i * image.length, (i + 1) * image.length);
    t.deepEqual([...part], expected(dy, dx, flip));
  }
});

test('floats work too, and each change can be left out', t => {
  const floats = Float32Array.from(image, v => v / 255);
  t.deepEqual(augment(floats, shape, {flip: false, crop: 0}), floats);
  for (let seed = 0; seed < 20; seed++) {
    const flipped = augment(image, shape, {crop: 0, seed});
    const {flip} = drawPlacement({crop: 0}, seed, 0);
    t.deepEqual([...flipped], expected(0, 0, flip));
  }
});

test('sizes that do not fit are refused', t => {
  t.throws(() => augment(new Uint8Array(7), shape), {message: /4×5×2/});
  t.throws(() => augment(image, shape, {crop: -1}), {message: /crop/});
});
