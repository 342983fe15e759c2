import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {attack} from '../../src/attacks/attack.js';
import type {AttackOptions} from '../../src/attacks/options.js';
import {adversarialDataset} from '../../src/training/adversarial_dataset.js';
import {
  adversarialTraining,
  type AdversarialTrainingArgs,
} from '../../src/callbacks/adversarial_training.js';
import {trades} from '../../src/defenses/trades.js';
import {evaluateRobustness} from '../../src/evaluation/robustness.js';
import {useOnnx} from '../../src/onnx.js';
import {CLASSES, small, toyImages, toyModel} from '../helpers/toy.js';
import {compilations} from './compilations.js';

await useOnnx();

const N = 8;
const BATCH = 4;
const images = toyImages(N, {seed: 3});
const labels = tf.tensor1d([0, 1, 2, 0, 1, 2, 0, 1]);
const oneHot = tf.oneHot(labels.toInt(), CLASSES).toFloat() as tf.Tensor2D;

/** What a warm backend compiles in two more turns. */
async function atLast(turn: (i: number) => unknown): Promise<number[]> {
  return (await compilations(4, turn)).slice(2);
}

const SEARCHES: Record<string, AttackOptions> = {
  adam: {steps: 4},
  sign: {steps: 3, optimizer: 'sign'},
  restarts: {steps: 3, restarts: 2, seed: 1},
};

for (const spec of ['D', 'S', 'C', 'C+S+D']) {
  for (const [name, options] of Object.entries(SEARCHES)) {
    test.serial(`${spec} by ${name}, on other images each time`, async t => {
      const model = toyModel();
      const search = attack(small(spec), options);
      const counts = await atLast(i => {
        const batch = toyImages(BATCH, {seed: 10 + i});
        const found = search.perturb(model, batch, labels.slice(0, BATCH));
        found.adversarial.dataSync();
      });
      t.deepEqual(counts, [0, 0]);
    });
  }
}

const TRAININGS: Record<string, AdversarialTrainingArgs> = {
  'C+S+D': {attack: small('C+S+D'), steps: 3},
  'D, clean and adversarial': {attack: small('D'), steps: 3, mix: 'both'},
  'D, a warm-up of the bound': {attack: 'D', steps: 2, warmUpEpochs: 9},
  'D, every second batch': {attack: 'D', steps: 2, every: 2},
  TRADES: {attack: 'D', steps: 3, objective: trades()},
};

for (const [name, options] of Object.entries(TRAININGS)) {
  test.serial(`adversarialTraining: ${name}`, async t => {
    const model = toyModel();
    model.compile({
      optimizer: tf.train.adam(0.01),
      loss: 'categoricalCrossentropy',
      metrics: ['accuracy'],
    });
    const total: number[] = [];
    await model.fit(images, oneHot, {
      epochs: 5,
      batchSize: BATCH,
      verbose: 0,
      callbacks: [
        adversarialTraining(options),
        new tf.CustomCallback({
          onEpochEnd: () =>
            void total.push(
              (
                tf.backend() as unknown as {stats(): {compilations: number}}
              ).stats().compilations,
            ),
        }),
      ],
    });
    t.deepEqual(
      total.slice(2).map(c => c - total[1]),
      [0, 0, 0],
    );
  });
}

test.serial('adversarialDataset with fitDataset', async t => {
  const model = toyModel();
  model.compile({optimizer: 'sgd', loss: 'categoricalCrossentropy'});
  const data = tf.data
    .zip({
      xs: tf.data.array(tf.unstack(images)),
      ys: tf.data.array(tf.unstack(oneHot)),
    })
    .batch(BATCH) as tf.data.Dataset<never>;
  const robust = adversarialDataset(data, model, {attack: 'D', steps: 3});
  const counts = await atLast(() =>
    model.fitDataset(robust as tf.data.Dataset<tf.TensorContainer>, {
      epochs: 1,
      verbose: 0,
    }),
  );
  t.deepEqual(counts, [0, 0]);
});

for (const spec of ['None', 'C-RGB', 'C', 'D', 'S', 'C+S+D']) {
  test.serial(`evaluateRobustness under ${spec}`, async t => {
    const model = toyModel();
    const counts = await atLast(() =>
      evaluateRobustness(
        model,
        {images, labels},
        {
          attacks: [spec === 'None' ? spec : small(spec)],
          steps: 3,
          batchSize: BATCH,
        },
      ),
    );
    t.deepEqual(counts, [0, 0]);
  });
}
