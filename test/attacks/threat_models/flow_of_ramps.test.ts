import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {attack} from '../../../src/attacks/attack.js';
import type {AttackOptions} from '../../../src/attacks/options.js';
import {logits} from '../../../src/models/logits.js';
import {missingBackend, usual} from '../../helpers/backends.js';
import {toyModel} from '../../helpers/toy.js';

await missingBackend(usual);

test('every search ends inside the bounds: a ramp of coordinates shows the flow', t => {
  // Bilinear interpolation of linear ramps is exact, so that the image is the place it is read from.
  const size = 9;
  const images = tf.tidy(() => {
    const line = tf.reshape(tf.linspace(0, 1, size), [1, 1, size, 1]);
    const x = tf.tile(line, [1, size, 1, 1]) as tf.Tensor4D;
    const y = tf.transpose(x, [0, 2, 1, 3]);
    return tf.concat([x, y, tf.fill(x.shape, 0.5)], 3);
  }) as tf.Tensor4D;
  const net = toyModel();
  const searches: AttackOptions[] = [
    {optimizer: 'adam', learningRate: 0.02, steps: 8},
    {optimizer: 'sign', steps: 5, randomStart: true, restarts: 2},
    {optimizer: 'apgd', loss: 'crossEntropy', steps: 8},
    {optimizer: 'square', steps: 8},
  ];
  const resized = tf.tidy(() => tf.image.resizeBilinear(images, [size, size]));
  for (const options of searches) {
    const found = attack('S(0.3, smooth=0.05)', {
      seed: 1,
      earlyStop: false,
      smoothnessWeight: 0,
      ...options,
    }).perturb(
      (x: tf.Tensor4D) =>
        logits(
          net,
          tf.image.resizeBilinear(
            x,
            net.inputs[0].shape.slice(1, 3) as [number, number],
          ),
        ),
      resized,
      tf.tensor1d([0], 'int32'),
    );
    const places = found.adversarial.dataSync();
    // From [0, 1] to units in which the image spans 2.
    const flow = (p: number, c: number) => {
      const own = c === 0 ? p % size : Math.floor(p / size);
      return 2 * (places[3 * p + c] - own / (size - 1));
    };
    let largest = 0;
    for (let p = 0; p < size * size; p++) {
      for (const [stride, place] of [
        [1, p % size],
        [size, Math.floor(p / size)],
      ]) {
        if (place === size - 1) continue;
        const apart = Math.hypot(
          ...[0, 1].map(c => flow(p + stride, c) - flow(p, c)),
        );
        largest = Math.max(largest, apart);
      }
    }
    t.true(largest <= 0.05 + 1e-6, `${options.optimizer}: ${largest}`);
    t.true(largest > 0.005, `${options.optimizer} did not move: ${largest}`);
    tf.dispose(found as unknown as tf.TensorContainer);
  }
});
