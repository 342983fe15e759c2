import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {
  adversarialTraining,
  attack,
  evaluateRobustness,
} from '../../src/index.js';
import {leak} from '../helpers/memory.js';
import {
  CLASSES,
  ownLabels,
  small,
  toyImages,
  toyModel,
} from '../helpers/toy.js';
import {momentum} from './momentum.js';

const N = 6;
const model = toyModel({end: 'softmax', seed: 3});
const images = toyImages(N);
const labels = ownLabels(model, images);

for (const spec of ['D', 'C+S+D']) {
  test(`${spec}: it lowers the margin`, t => {
    const leaked = leak(() =>
      tf.tidy(() => {
        const clean = attack('None').perturb(model, images, labels).margin;
        const found = attack(small(spec), {
          optimizer: momentum(),
          steps: 10,
        }).perturb(model, images, labels);
        t.true(tf.all(tf.less(found.margin, clean)).dataSync()[0] === 1);
      }),
    );
    t.is(leaked, 0);
  });
}

test('an example gets the same in whatever batch it is', async t => {
  const options = {optimizer: momentum(), steps: 6};
  const found = attack('D', options).perturb(model, images, labels);
  const alone = tf.slice(images, [4, 0, 0, 0], [1, -1, -1, -1]);
  const one = attack('D', options).perturb(
    model,
    alone,
    tf.slice(labels, 4, 1),
  );
  const difference = tf.sub(tf.slice(found.adversarial, 4, 1), one.adversarial);
  t.true(tf.max(tf.abs(difference)).dataSync()[0] < 1e-6);
  // In full batches examples leave and join.
  const {results} = await evaluateRobustness(
    model,
    {images, labels},
    {attacks: ['D(0.1)'], batchSize: 2, ...options},
  );
  const plain = attack('D(0.1)', options).perturb(model, images, labels);
  const stood = [...plain.success.dataSync()].map(s => (s ? '0' : '1'));
  t.is(results[0].correct, stood.join(''));
});

test('training takes it', async t => {
  const trained = toyModel({end: 'softmax'});
  trained.compile({optimizer: 'sgd', loss: 'categoricalCrossentropy'});
  const {history} = await trained.fit(images, tf.oneHot(labels, CLASSES), {
    epochs: 1,
    verbose: 0,
    callbacks: adversarialTraining({
      attack: 'D',
      optimizer: momentum(),
      steps: 2,
    }),
  });
  t.true(Number.isFinite(history.adv_loss[0] as number));
});
