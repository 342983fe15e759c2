import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {PNG} from 'pngjs';
import {encodePng} from '../../src/io/png.js';

for (const [channels, rgba] of [
  [1, [0, 0, 0, 255, 51, 51, 51, 255]],
  [3, [0, 51, 102, 255, 153, 204, 255, 255]],
  [4, [0, 51, 102, 153, 204, 255, 0, 51]],
] as const) {
  test(`${channels} channel(s), from a tensor, its buffer and bytes`, t => {
    const steps = [0, 0.2, 0.4, 0.6, 0.8, 1, 0, 0.2].slice(0, 2 * channels);
    const image = tf.tensor3d(steps, [1, 2, channels]);
    const tensors = tf.memory().numTensors;
    const files = [
      encodePng(image),
      encodePng(image.bufferSync()),
      encodePng({
        data: Uint8Array.from(steps, x => Math.round(x * 255)),
        shape: [1, 2, channels],
      }),
    ];
    t.is(tf.memory().numTensors, tensors);
    image.dispose();
    for (const file of files) {
      const {width, height, data} = PNG.sync.read(file);
      t.deepEqual([width, height, [...data]], [2, 1, [...rgba]]);
    }
  });
}

test('what is no picture is refused with a sentence', t => {
  const data = new Uint8Array(8);
  t.throws(() => encodePng({data, shape: [2, 2, 2]}), {
    message: /has \[2,2,2\]/,
  });
  t.throws(() => encodePng({data, shape: [2, 2, 1]}), {
    message: /has 4 values, but 8/,
  });
  t.throws(() => encodePng({data: new Uint8Array(0), shape: [0, 2, 1]}), {
    message: /no pixels/,
  });
});
