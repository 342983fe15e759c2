// Measures attacks on a toy classifier into FOLDER/points.json: node points_child.ts FOLDER.
import {join} from 'node:path';
import {setTimeout} from 'node:timers/promises';
import * as tf from '@tensorflow/tfjs';
import {measure, Points} from '../../scripts/figures/points.js';
import {ImageSet} from '../../src/index.js';

const [folder] = process.argv.slice(2);
await tf.setBackend('cpu');
const SIZE = 4;
const pixels = Uint8Array.from(
  {length: 6 * SIZE * SIZE * 3},
  (_, i) => (i * 7919) % 256,
);
const data = new ImageSet(
  pixels,
  Uint8Array.of(0, 1, 0, 1, 0, 1),
  [SIZE, SIZE, 3],
  ['dark', 'bright'],
);
const classifier = (x: tf.Tensor4D) =>
  tf.tidy(() => {
    const sum = tf.sum(tf.sub(x, 0.5), [1, 2, 3]);
    return tf.stack([tf.neg(sum), sum], 1) as tf.Tensor2D;
  });
const settings = {steps: 2, seed: 1, batch: 3};
const points = await Points.open(join(folder, 'points.json'), settings);
for (const bound of [0.01, 0.02, 0.03, 0.04, 0.05, 0.06]) {
  for (const name of ['D', 'S']) {
    const spec = `${name}(${bound})`;
    await points.measure(spec, () => {
      console.log(`measuring ${spec}`);
      return measure(classifier, data, spec, settings);
    });
    // So that it does not get far before the kill arrives.
    await setTimeout(100);
  }
}
