import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {
  adversarialTraining,
  cosine,
  learningRate,
  oneCycle,
  stepDecay,
} from '../../src/index.js';
import {leakAsync} from '../helpers/memory.js';
import {compiled, weightsOf, x, y} from '../helpers/training.js';

const near = (a: number, b: number) => Math.abs(a - b) < 1e-12;

test('cosine rises in a line and falls along half a cosine', t => {
  const rate = cosine({peak: 2, steps: 110, warmUp: 10, end: 0.5});
  t.true(near(rate(0), 0.2));
  t.true(near(rate(4), 1));
  t.true(near(rate(9), 2));
  t.true(near(rate(10), 2));
  t.true(near(rate(60), 1.25));
  t.true(near(rate(35), 0.5 + 0.75 * (1 + Math.SQRT1_2)));
  t.true(near(rate(110), 0.5));
  t.true(near(rate(1000), 0.5));
});

test('oneCycle begins at a 25th and is at its peak after three tenths', t => {
  const rate = oneCycle({peak: 1, steps: 100});
  t.true(near(rate(0), 0.04 + 0.96 / 30));
  t.true(near(rate(29), 1));
  t.true(near(rate(65), 0.5));
  t.true(rate(99) < 1e-3 && rate(99) > 0);
});

test('stepDecay falls at each milestone', t => {
  const rate = stepDecay({peak: 1, milestones: [3, 5], factor: 0.5});
  t.deepEqual([0, 2, 3, 4, 5, 9].map(rate), [1, 1, 0.5, 0.5, 0.25, 0.25]);
});

for (const [name, make] of Object.entries({
  'no peak': () => cosine({peak: 0, steps: 5}),
  'no steps': () => cosine({peak: 1, steps: 0}),
  'a warm-up without an end': () => cosine({peak: 1, steps: 5, warmUp: 5}),
  'a peak that is no number': () => oneCycle({peak: NaN, steps: 5}),
  'milestones out of order': () => stepDecay({peak: 1, milestones: [4, 2]}),
  'a factor of 1': () => stepDecay({peak: 1, milestones: [4], factor: 1}),
  'no schedule': () => learningRate(0.1 as never),
})) {
  test(`${name} is refused`, t => {
    const {message} = t.throws(make)!;
    t.regex(message, /learning/);
  });
}

for (const [name, make] of Object.entries({
  sgd: () => tf.train.sgd(1),
  momentum: () => tf.train.momentum(1, 0.9, true),
  adam: () => tf.train.adam(1),
  rmsprop: () => tf.train.rmsprop(1),
})) {
  test.serial(`${name} has the rate of its update`, async t => {
    const rates = [0.1, 0.02, 0];
    const scheduled = compiled({seed: 2, optimizer: make});
    const byHand = compiled({seed: 2, optimizer: make});
    const {history} = await scheduled.fit(x, y, {
      epochs: 3,
      batchSize: 12,
      shuffle: false,
      verbose: 0,
      callbacks: learningRate(step => rates[step]),
    });
    t.true(history.learning_rate.every((r, i) => near(r as number, rates[i])));
    // The same again, one rate after another.
    for (const rate of rates) {
      const {optimizer} = byHand;
      const open = optimizer as unknown as {
        learningRate: number;
        setLearningRate?(rate: number): void;
      };
      if (open.setLearningRate) open.setLearningRate(rate);
      else open.learningRate = rate;
      await byHand.fit(x, y, {
        batchSize: 12,
        shuffle: false,
        verbose: 0,
      });
    }
    t.deepEqual(weightsOf(scheduled), weightsOf(byHand));
    const leaked = await leakAsync(async () => {
      await scheduled.fit(x, y, {
        verbose: 0,
        callbacks: learningRate(() => 0.01),
      });
    });
    t.is(leaked, 0);
  });
}

test.serial(
  'a second fit goes on in the schedule, with the attack too',
  async t => {
    const seen: number[] = [];
    const model = compiled({seed: 2});
    const callbacks = () => [
      learningRate(step => {
        seen.push(step);
        return 0.01;
      }),
      adversarialTraining({attack: 'D', steps: 1}),
    ];
    for (let i = 0; i < 2; i++) {
      await model.fit(x, y, {batchSize: 4, verbose: 0, callbacks: callbacks()});
    }
    t.deepEqual(seen, [0, 1, 2, 3, 4, 5]);
  },
);

test.serial(
  'a schedule that gives no rate is refused, naming the update',
  async t => {
    const model = compiled();
    const fit = model.fit(x, y, {
      verbose: 0,
      callbacks: learningRate(() => NaN),
    });
    await t.throwsAsync(fit, {message: /NaN for update 0/});
  },
);

test.serial('after a plain object it says so', async t => {
  const fit = compiled().fit(x, y, {
    verbose: 0,
    callbacks: [{}, learningRate(() => 1)] as never,
  });
  await t.throwsAsync(fit, {message: /must not come after a plain object/});
});
