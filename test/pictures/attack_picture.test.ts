import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import test from 'ava';
import {attackPicture} from '../../src/pictures/attack_picture.js';
import {
  differenceImages,
  magnification,
} from '../../src/pictures/difference.js';
import {fitText} from '../../src/pictures/fit_text.js';
import {rowsPicture} from '../../src/pictures/picture.js';
import {cifar10Strip} from '../helpers/strip.js';

const names = ['cat', 'dog', 'owl'];

/** Images, and the same with noise of at most `size`. */
function pair(count: number, size: number, shape = [6, 5, 3]) {
  return tf.tidy(() => {
    const clean = tf.randomUniform([count, ...shape], 0, 1, 'float32', 1);
    const noise = tf.randomUniform(clean.shape, -size, size, 'float32', 2);
    return [clean, tf.clipByValue(tf.add(clean, noise), 0, 1)];
  }) as [tf.Tensor4D, tf.Tensor4D];
}

test('the factor is the largest that cuts no difference off', t => {
  for (const [largest, factor] of [
    [0, 50],
    [0.01, 50],
    [0.0101, 20],
    [8 / 255, 10],
    [0.1, 5],
    [0.2501, 1],
    [0.5, 1],
    [0.51, 0.5],
    [1, 0.5],
  ]) {
    t.is(magnification(largest), factor, String(largest));
  }
});

for (const backend of ['cpu', 'wasm']) {
  test.serial(
    `rows show what they should, without a leak: ${backend}`,
    async t => {
      await tf.setBackend(backend);
      for (const size of [0.004, 0.03, 0.4, 1]) {
        const [clean, adversarial] = pair(4, size);
        const before = tf.memory().numTensors;
        const {pixels, texts, magnify} = await attackPicture(
          clean,
          adversarial,
          {count: 3, zoom: 2},
        );
        t.is(tf.memory().numTensors, before + 1);
        const difference = differenceImages(clean, adversarial, magnify);
        // No difference is cut off: the amplified images undo to the exact ones.
        const undone = tf.tidy(() =>
          tf.add(clean, tf.div(tf.sub(difference, 0.5), magnify)),
        );
        const error = tf.tidy(
          () => tf.max(tf.abs(tf.sub(undone, adversarial))).dataSync()[0],
        );
        t.true(error < 1e-6, `${size}: ${error}`);
        // Where a row's name stands, its images do: the middle of the text is theirs.
        const seen = pixels.bufferSync();
        for (const [row, images] of [
          clean,
          adversarial,
          difference,
        ].entries()) {
          const middle = Math.round(texts[row].y - 0.35 * texts[row].size);
          const left = pixels.shape[1] - 3 * (5 + 2) * 2;
          const values = images.bufferSync();
          for (let column = 0; column < 3; column++) {
            for (let c = 0; c < 3; c++) {
              const x = left + column * (5 + 2) * 2;
              const expected = values.get(column, 3, 0, c);
              const found = seen.get(middle, x, c);
              t.true(Math.abs(found - expected) < 1e-6, `${row}, ${column}`);
            }
          }
        }
        tf.dispose([clean, adversarial, pixels, difference, undone]);
      }
    },
  );
}

test.serial(
  'captions: class before → after, from numbers, tensors or a model',
  async t => {
    await tf.setBackend('cpu');
    const [clean, adversarial] = pair(3, 0.1);
    const labels = [0, 1, 2];
    const [before, after] = [
      [0, 1, 0],
      [0, 2, 2],
    ];
    const hot = (list: number[]) => tf.oneHot(tf.tensor1d(list, 'int32'), 3);
    const asTensors = {
      labels: hot(labels) as tf.Tensor2D,
      before: tf.tensor1d(before, 'int32'),
      after: hot(after) as tf.Tensor2D,
    };
    let pass = 0;
    const classifier = () =>
      tf.cast(hot(pass++ ? after : before), 'float32') as tf.Tensor2D;
    for (const options of [
      {labels, before, after},
      asTensors,
      {labels: Int32Array.from(labels), classifier},
    ]) {
      const numTensors = tf.memory().numTensors;
      const {pixels, texts} = await attackPicture(clean, adversarial, {
        ...options,
        classNames: names,
      });
      t.is(tf.memory().numTensors, numTensors + 1);
      pixels.dispose();
      const captions = texts.filter(({align}) => align === 'center');
      t.deepEqual(
        captions.map(({text, color}) => [text, color !== '#000000']),
        [
          ['cat', false],
          ['dog', false],
          ['owl → cat', true],
          ['cat', false],
          ['dog → owl', true],
          ['cat → owl', false],
        ],
      );
      t.deepEqual(
        texts.filter(({align}) => align === 'left').map(({text}) => text),
        ['clean', 'adversarial', 'difference × 5'],
      );
    }
    const {pixels, texts} = await attackPicture(clean, adversarial, {
      labels: [7, 8, 9],
    });
    t.true(texts.some(({text}) => text === '9'));
    tf.dispose([pixels, clean, adversarial, asTensors]);
  },
);

test.serial(
  'texts stay inside the picture and do not touch images',
  async t => {
    await tf.setBackend('cpu');
    for (const shape of [
      [32, 32, 3],
      [28, 28, 1],
      [224, 160, 3],
      [9, 40, 3],
    ]) {
      const [clean, adversarial] = pair(2, 0.1, shape);
      const {pixels, texts} = await attackPicture(clean, adversarial, {
        labels: [0, 1],
        after: [1, 0],
      });
      const [height, width] = pixels.shape;
      const values = pixels.bufferSync();
      for (const {x, y, size, align, maxWidth} of texts) {
        const left = align === 'center' ? x - maxWidth / 2 : x;
        t.true(left >= 0 && left + maxWidth <= width);
        t.true(y - size >= 0 && y + 0.3 * size <= height);
        for (let row = y - 0.8 * size; row < y + 0.25 * size; row++) {
          for (let column = left; column < left + maxWidth; column++) {
            const value = values.get(Math.round(row), Math.floor(column), 0);
            if (value !== 1) t.fail(`${[row, column]}: ${value}`);
          }
        }
      }
      tf.dispose([clean, adversarial, pixels]);
    }
  },
);

test.serial('real images: rows of several attacks', t => {
  const images = cifar10Strip().slice(0, 2).tensor();
  const before = tf.memory().numTensors;
  const {pixels, texts} = rowsPicture([
    {name: 'clean', images},
    {images, captions: [{text: 'a', wrong: true}]},
  ]);
  t.is(tf.memory().numTensors, before + 1);
  t.deepEqual(
    texts.map(({text}) => text),
    ['clean', 'a'],
  );
  tf.dispose([images, pixels]);
});

test('a text is cut where it is too wide, not within a character', t => {
  const measure = (text: string) => [...text].length;
  t.is(fitText('automobile', 10, measure), 'automobile');
  t.is(fitText('automobile → truck', 8, measure), 'automob…');
  t.is(fitText('automobile → truck', 12, measure), 'automobile…');
  t.is(fitText('🐈🐕🐎🐄', 3, measure), '🐈🐕…');
  t.is(fitText('abc', 0, measure), '…');
});

test.serial('bad arguments are one sentence, without a leak', async t => {
  const [clean, adversarial] = pair(2, 0.1);
  const fewer = clean.slice(0, 1);
  const before = tf.memory().numTensors;
  const refused = async (
    message: RegExp,
    ...args: Parameters<typeof attackPicture>
  ) => {
    await t.throwsAsync(attackPicture(...args), {message});
    t.is(tf.memory().numTensors, before);
  };
  await refused(/must have the same shape/, clean, fewer);
  await refused(/as many classes, but labels has 1/, clean, adversarial, {
    labels: [1],
  });
  await refused(/count .* whole number/, clean, adversarial, {count: 0});
  await refused(/zoom .* whole number/, clean, adversarial, {zoom: 1.5});
  await refused(/not 7/, 7 as never, adversarial);
  t.throws(() => rowsPicture([]), {message: /needs a row/});
});
