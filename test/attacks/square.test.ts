import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {squareShare} from '../../src/attacks/optimizers/square_schedule.js';
import {attack, Delta} from '../../src/index.js';
import {missingBackend, usual} from '../helpers/backends.js';
import {leak} from '../helpers/memory.js';
import {ownLabels, small, toyImages, toyModel} from '../helpers/toy.js';

await missingBackend(usual);

const N = 5;
const model = toyModel({end: 'logits', seed: 3});
const images = toyImages(N);
const labels = ownLabels(model, images);
const threatModels = [
  ...['D', 'S', 'C', 'C-HSV', 'C+S+D', 'S+C'].map(spec => small(spec)),
  new Delta({epsilon: 0.5, norm: 'l2'}),
];

test('the boxes are halved as in the paper', t => {
  t.is(squareShare(1, 10_000), 0.8);
  t.is(squareShare(11, 10_000), 0.8);
  t.is(squareShare(12, 10_000), 0.4);
  t.is(squareShare(10_000, 10_000), 0.8 / 2 ** 9);
  t.is(squareShare(6, 500), 0.8 / 4);
});

for (const threatModel of threatModels) {
  const {name} = threatModel;
  const search = attack(threatModel, {
    optimizer: 'square',
    steps: 30,
    seed: 4,
  });

  test.serial(`${name}: lowers the margin inside the bounds`, t => {
    const leaked = leak(() =>
      tf.tidy(() => {
        const clean = attack('None').perturb(model, images, labels);
        const found = search.perturb(model, images, labels, {history: true});
        t.true(tf.all(tf.less(found.margin, clean.margin)).dataSync()[0] === 1);
        const bounds = threatModel.bounds();
        for (const size of Object.values(found.sizes)) {
          t.true(tf.max(size).dataSync()[0] <= Math.max(...bounds) + 1e-5);
        }
        const {adversarial} = found;
        t.true(tf.min(adversarial).dataSync()[0] >= 0);
        t.true(tf.max(adversarial).dataSync()[0] <= 1);
      }),
    );
    t.is(leaked, 0);
  });

  test.serial(`${name}: an example gets what it would get alone`, t => {
    tf.tidy(() => {
      const together = search.perturb(model, images, labels).adversarial;
      const again = search.perturb(model, images, labels).adversarial;
      t.deepEqual([...again.dataSync()], [...together.dataSync()]);
      const one = tf.slice(images, [3, 0, 0, 0], [1, -1, -1, -1]);
      const alone = search.perturb(model, one, tf.slice(labels, 3, 1));
      const apart = tf.sub(alone.adversarial, tf.slice(together, 3, 1));
      t.true(tf.max(tf.abs(apart)).dataSync()[0] < 1e-5);
    });
  });
}

test.serial('it needs no gradient', t => {
  // Steps of the logits: no slope anywhere, and no op with a gradient.
  const steps = (x: tf.Tensor4D) =>
    tf.round(tf.mul(model.predict(x) as tf.Tensor, 5));
  const margin = (optimizer: 'square' | 'apgd') =>
    tf.tidy(
      () =>
        tf
          .mean(
            attack('D(0.2)', {optimizer, steps: 60, seed: 1}).perturb(
              steps,
              images,
              ownLabels(model, images),
            ).margin,
          )
          .dataSync()[0],
    );
  t.true(margin('square') < margin('apgd') - 1);
});
