import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import test from 'ava';
import {imageGrid} from '../../src/pictures/image_grid.js';

/** White screen pixels between tiles, a multiple of zoom. */
const GAP = {3: 3, 4: 4};

for (const [backend, channels] of [
  ['cpu', 1],
  ['cpu', 3],
  ['wasm', 3],
] as const) {
  test.serial(
    `each of ${channels} channel(s) in its tile: ${backend}`,
    async t => {
      await tf.setBackend(backend);
      const clean = tf.randomUniform([3, 5, 4, channels], 0, 1, 'float32', 1);
      const noise = tf.randomUniform(clean.shape, -0.2, 0.2, 'float32', 2);
      const adversarial = clean.add(noise).clipByValue(0, 1);
      const tensors = tf.memory().numTensors;
      const grid = imageGrid(clean as tf.Tensor4D, adversarial as tf.Tensor4D, {
        count: 2,
        magnify: 4,
        zoom: 3,
      });
      t.is(tf.memory().numTensors, tensors + 1);
      const gap = GAP[3];
      t.deepEqual(grid.shape, [
        gap + 3 * (5 * 3 + gap),
        gap + 2 * (4 * 3 + gap),
        3,
      ]);

      const difference = tf.tidy(() =>
        adversarial.sub(clean).mul(4).add(0.5).clipByValue(0, 1),
      );
      const seen = grid.bufferSync();
      const rows = [clean, adversarial, difference].map(r => r.bufferSync());
      for (let y = 0; y < grid.shape[0]; y++) {
        for (let x = 0; x < grid.shape[1]; x++) {
          const row = Math.floor((y - gap) / (15 + gap));
          const column = Math.floor((x - gap) / (12 + gap));
          const inY = (y - gap) % (15 + gap);
          const inX = (x - gap) % (12 + gap);
          const white = row < 0 || column < 0 || inY >= 15 || inX >= 12;
          for (let c = 0; c < 3; c++) {
            const expected = white
              ? 1
              : rows[row].get(
                  column,
                  Math.floor(inY / 3),
                  Math.floor(inX / 3),
                  channels === 1 ? 0 : c,
                );
            if (Math.abs(seen.get(y, x, c) - expected) > 1e-6) {
              t.fail(
                `pixel ${[y, x, c]}: ${seen.get(y, x, c)}, not ${expected}`,
              );
            }
          }
        }
      }
      tf.dispose([clean, noise, adversarial, difference, grid]);
    },
  );
}

test('by default 8 columns, and small images large enough to be read', t => {
  const images = tf.zeros([10, 32, 32, 3]) as tf.Tensor4D;
  t.deepEqual(imageGrid(images, images).shape, [
    GAP[4] + 3 * (128 + GAP[4]),
    GAP[4] + 8 * (128 + GAP[4]),
    3,
  ]);
});

test('bad shapes and options are refused with a sentence, without a leak', t => {
  const images = tf.zeros([2, 4, 4, 3]) as tf.Tensor4D;
  const fewer = tf.zeros([1, 4, 4, 3]) as tf.Tensor4D;
  const tensors = tf.memory().numTensors;
  t.throws(() => imageGrid(images, fewer), {message: /\[2,4,4,3\] and \[1,4/});
  t.throws(() => imageGrid(images, images, {count: 0}), {message: /count/});
  t.throws(() => imageGrid(images, images, {zoom: 0.5}), {message: /zoom/});
  t.is(tf.memory().numTensors, tensors);
});
