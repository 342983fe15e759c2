import {readFileSync} from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {adversarialTraining, attack, Delta, Sequence} from '../../src/index.js';
import {leak} from '../helpers/memory.js';
import {ownLabels, toyImages, toyModel} from '../helpers/toy.js';
import {Brightness} from './brightness.js';

const EPSILON = 0.2;

test('CONTRIBUTING.md shows this very file', t => {
  const read = (path: string) =>
    readFileSync(new URL(path, import.meta.url), 'utf8');
  const [, shown] = /```ts\n([^]*?)```/.exec(read('../../CONTRIBUTING.md'))!;
  t.is(shown, read('./brightness.ts'));
});

test.serial('it finds the shift that lowers the margin most', t => {
  const model = toyModel({end: 'softmax'});
  const images = toyImages(3);
  const labels = ownLabels(model, images);
  const brightness = new Brightness(EPSILON);
  const leaked = leak(() => {
    tf.tidy(() => {
      const {adversarial, margin, sizes} = attack(brightness, {
        steps: 20,
        learningRate: 0.02,
        // One start may end in a local minimum.
        restarts: 5,
        seed: 1,
      }).perturb(model, images, labels);
      t.true(tf.max(sizes.Brightness).dataSync()[0] <= EPSILON + 1e-6);

      // All shifts there are, one after the other: there is but one number.
      const none = attack('None');
      const of = (x: tf.Tensor4D) =>
        none.perturb(model, x, labels).margin.dataSync();
      const best = [...of(images)];
      for (let step = -20; step <= 20; step++) {
        const shifted = tf.clipByValue(
          tf.add<tf.Tensor4D>(images, (EPSILON * step) / 20),
          0,
          1,
        );
        of(shifted).forEach((m, i) => {
          best[i] = Math.min(best[i], m);
        });
      }
      const clean = of(images);
      [...margin.dataSync()].forEach((m, i) => {
        t.true(m < clean[i]);
        t.true(m <= best[i] + 0.1 * (clean[i] - best[i]), `${m} > ${best[i]}`);
      });
      const range = [tf.min(adversarial), tf.max(adversarial)];
      t.true(range[0].dataSync()[0] >= 0 && range[1].dataSync()[0] <= 1);
    });
  });
  t.is(leaked, 0);
});

test.serial('it trains, in a sequence and with a warm-up', async t => {
  const model = toyModel({end: 'softmax'});
  model.compile({optimizer: 'sgd', loss: 'categoricalCrossentropy'});
  const images = toyImages(4);
  const labels = ownLabels(model, images);
  const threatModel = new Sequence([new Brightness(EPSILON), new Delta()]);
  t.is(threatModel.name, 'Brightness(0.2)+D');
  const classes = model.outputs[0].shape[1]!;
  const {history} = await model.fit(images, tf.oneHot(labels, classes), {
    epochs: 2,
    verbose: 0,
    callbacks: adversarialTraining({
      attack: threatModel,
      steps: 3,
      warmUpEpochs: 2,
    }),
  });
  const [first, second] = history.size_Brightness as number[];
  t.true(first > 0 && first <= EPSILON / 2 + 1e-6);
  t.true(second > 0 && second <= EPSILON + 1e-6);
});
