import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {PNG} from 'pngjs';
import {attackPicture} from '../../src/pictures/attack_picture.js';
import {rowsPicture, type Picture} from '../../src/pictures/picture.js';
import {picturePng, savePng} from '../../src/pictures/save_png.js';
import {temporaryFolder} from '../helpers/folder.js';

await tf.setBackend('cpu');

type Color = [number, number, number];
const BLACK: Color = [0, 0, 0];
const VERMILION: Color = [0xd5, 0x5e, 0x00];

/** How many pixels around a text are near to this color. */
function count(
  {data, width}: PNG,
  {x, y, size, align, maxWidth}: Picture['texts'][number],
  color: Color,
): number {
  const left = Math.max(0, align === 'center' ? x - maxWidth / 2 : x);
  let found = 0;
  for (let row = Math.round(y - size); row < y + size / 3; row++) {
    for (let column = Math.floor(left); column < left + maxWidth; column++) {
      const at = 4 * (row * width + column);
      const far = color.map((c, i) => Math.abs(c - data[at + i]));
      if (Math.max(...far) < 100) found++;
    }
  }
  return found;
}

test.serial(
  'names and captions are drawn, wrong classes in another color',
  async t => {
    const white = tf.ones<tf.Rank.R4>([2, 32, 32, 3]);
    const picture = rowsPicture([
      {name: 'clean', images: white, captions: [{text: 'cat'}, {text: 'dog'}]},
      {
        name: 'D',
        images: white,
        captions: [{text: 'cat'}, {text: 'dog → cat', wrong: true}],
      },
    ]);
    const before = tf.memory().numTensors;
    const png = PNG.sync.read(await picturePng(picture));
    t.is(tf.memory().numTensors, before);
    t.deepEqual([png.height, png.width, 3], picture.pixels.shape);
    for (const text of picture.texts) {
      const wrong = text.text.includes('→');
      t.true(count(png, text, wrong ? VERMILION : BLACK) > 10, text.text);
      t.is(count(png, text, wrong ? BLACK : VERMILION), 0, text.text);
    }
    tf.dispose([white, picture.pixels]);
  },
);

test.serial('pixels of images are as they were, beside the texts', async t => {
  const images = tf.randomUniform<tf.Rank.R4>([2, 9, 7, 3], 0, 1, 'float32', 1);
  const picture = await attackPicture(images, images, {
    labels: [0, 1],
    zoom: 3,
  });
  const png = PNG.sync.read(await picturePng(picture));
  const plain = PNG.sync.read(await picturePng(picture.pixels));
  let texts = 0;
  for (let i = 0; i < png.data.length; i++) {
    if (png.data[i] === plain.data[i]) continue;
    // Only white becomes text.
    t.is(plain.data[i], 255);
    texts++;
  }
  t.true(texts > 100);
  tf.dispose([images, picture.pixels]);
});

test.serial(
  'any class name: markup, other scripts, too long, empty',
  async t => {
    const white = tf.ones<tf.Rank.R4>([1, 32, 32, 3]);
    for (const [text, drawn] of [
      ['<b>&"cat"</b>', true],
      ['кошка → σκύλος', true],
      ['a\u0000b\ud800', true],
      ['x'.repeat(500), true],
      ['猫', null],
      ['', false],
    ] as const) {
      const picture = rowsPicture([{images: white, captions: [{text}]}]);
      const png = PNG.sync.read(await picturePng(picture));
      const black = count(png, picture.texts[0], BLACK);
      if (drawn !== null) t.is(black > 5, drawn, text);
      picture.pixels.dispose();
    }
    white.dispose();
  },
);

test.serial('a file, whole; a tensor too', async t => {
  const file = join(temporaryFolder(t), 'a b.png');
  const gray = tf.tensor3d([0, 0.5, 1, NaN], [2, 2, 1]);
  await savePng(file, gray);
  const {data} = PNG.sync.read(await readFile(file));
  t.deepEqual(
    [0, 4, 8, 12].map(i => data[i]),
    [0, 128, 255, 0],
  );
  const nowhere = join(file, 'x.png');
  const error = await t.throwsAsync(savePng(nowhere, gray));
  t.false(error!.message.includes('\n'));
  gray.dispose();
});
