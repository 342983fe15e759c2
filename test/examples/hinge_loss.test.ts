import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {adversarialTraining, attack} from '../../src/index.js';
import {leak} from '../helpers/memory.js';
import {CLASSES, ownLabels, toyImages, toyModel} from '../helpers/toy.js';
import {hingeLoss} from './hinge_loss.js';

test('it sums what the label is ahead by', t => {
  const logits = tf.tensor2d([
    [3, 1, -1],
    [3, 1, -1],
  ]);
  const labels = tf.tensor2d([
    [1, 0, 0],
    [0, 1, 0],
  ]);
  t.deepEqual([...hingeLoss(logits, labels).dataSync()], [2 + 4, 2]);
});

test('an attack minimizes it', t => {
  const model = toyModel({end: 'logits'});
  const images = toyImages(6);
  const labels = ownLabels(model, images);
  const loss = (x: tf.Tensor) => {
    const z = model.predict(x) as tf.Tensor2D;
    const oneHot = tf.cast(tf.oneHot(labels, CLASSES), 'float32');
    return tf.sum(hingeLoss(z, oneHot as tf.Tensor2D)).dataSync()[0];
  };
  for (const optimizer of ['adam', 'sign', 'apgd', 'square'] as const) {
    const leaked = leak(() =>
      tf.tidy(() => {
        const {adversarial, success} = attack('D(0.1)', {
          loss: hingeLoss,
          optimizer,
          keep: 'last',
          steps: 20,
          learningRate: 0.02,
        }).perturb(model, images, labels);
        t.true(loss(adversarial) < 0.9 * loss(images), optimizer);
        t.is(success.shape[0], 6);
      }),
    );
    t.is(leaked, 0);
  }
});

test('training takes it', async t => {
  const model = toyModel({end: 'softmax'});
  model.compile({optimizer: 'sgd', loss: 'categoricalCrossentropy'});
  const images = toyImages(4);
  const labels = tf.oneHot(ownLabels(model, images), CLASSES);
  const {history} = await model.fit(images, labels, {
    epochs: 1,
    verbose: 0,
    callbacks: adversarialTraining({attack: 'D', loss: hingeLoss, steps: 2}),
  });
  t.true(Number.isFinite(history.adv_loss[0] as number));
});
