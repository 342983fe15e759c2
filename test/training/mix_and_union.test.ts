import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {attack} from '../../src/attacks/attack.js';
import {adversarialTraining} from '../../src/callbacks/adversarial_training.js';
import {Adversaries} from '../../src/training/adversaries.js';
import type {Judged} from '../../src/training/adversary.js';
import {adversarialDataset} from '../../src/training/adversarial_dataset.js';
import {missingBackend, usual} from '../helpers/backends.js';
import {
  batchesOf,
  compiled,
  dataset,
  FIT,
  weightsOf,
  x,
  y,
} from '../helpers/training.js';

await missingBackend(usual);

const OPTIONS = {steps: 2, learningRate: 0.05};

for (const [mix, count] of [
  [0.5, 2],
  [0.25, 1],
  // At least one of four, and rounded to the nearest.
  [0.01, 1],
  [0.7, 3],
  [0.99, 4],
]) {
  test.serial(
    `mix ${mix}: the first ${count} of 4 images are attacked`,
    async t => {
      const model = compiled();
      await model.fit(x, y, {
        ...FIT,
        callbacks: adversarialTraining({attack: 'D', ...OPTIONS, mix}),
      });
      const byHand = compiled();
      for (const [images, labels] of batchesOf(y)) {
        const {adversarial} = attack('D', OPTIONS).perturb(
          byHand,
          tf.slice(images, 0, count),
          tf.slice(labels, 0, count) as tf.Tensor2D,
        );
        const rest = tf.slice(images, count);
        await byHand.trainOnBatch(
          count < 4 ? tf.concat([adversarial, rest]) : adversarial,
          labels,
        );
      }
      t.deepEqual(weightsOf(model), weightsOf(byHand));
      const data = adversarialDataset(dataset(), compiled(), {
        ...{attack: 'D', ...OPTIONS, mix},
      });
      const first = await (await data.iterator()).next();
      const {xs} = first.value as unknown as {xs: tf.Tensor4D};
      const apart = tf
        .max(tf.abs(tf.sub(xs, batchesOf(y)[0][0])), [1, 2, 3])
        .dataSync();
      t.deepEqual(
        Array.from(apart, v => v > 0),
        [0, 1, 2, 3].map(i => i < count),
      );
    },
  );
}

test.serial(
  'a share costs the attack on that share, and both the whole',
  async t => {
    /** Images that go through the first layer. */
    const cost = async (mix: 'adversarial' | 'both' | number) => {
      const model = compiled();
      const [first] = model.layers;
      const call = first.call.bind(first);
      let images = 0;
      first.call = (inputs, kwargs) => {
        images += (Array.isArray(inputs) ? inputs[0] : inputs).shape[0]!;
        return call(inputs, kwargs);
      };
      await model.fit(x, y, {
        ...FIT,
        callbacks: adversarialTraining({
          ...{attack: 'D', crafting: 'fast', guard: false},
          ...{metricsEvery: 1000, mix},
        }),
      });
      // Without what is logged of the very first batch.
      return images;
    };
    const [half, all, both] = [
      await cost(0.5),
      await cost('adversarial'),
      await cost('both'),
    ];
    // Three batches of four, crafting and update; the first one is measured once,
    // and before it the model is looked at by two images.
    const once = 2;
    t.is(all, 3 * (4 + 4) + 4 + once);
    t.is(half, 3 * (2 + 4) + 2 + once);
    t.is(both, 3 * (4 + 8) + 4 + once);
  },
);

const ATTACKS = ['D', 'S', 'C'];
const adaptive = (seed: number) =>
  new Adversaries(
    {attack: ATTACKS, union: 'adaptive', crafting: 'fast'},
    {seed},
  );

/** How often each attack is drawn, as shares. */
function draws(adversaries: Adversaries, count = 6000): number[] {
  const times = ATTACKS.map(() => 0);
  for (let step = 0; step < count; step++) {
    const drawn = adversaries.ofBatch(step);
    if (drawn.length !== 1) throw new Error('more than one');
    times[drawn[0]]++;
  }
  return times.map(n => n / count);
}

test('adaptive draws each attack in proportion to 1 − its running robust accuracy', t => {
  for (const [accuracies, wanted] of [
    [{}, [1 / 3, 1 / 3, 1 / 3]],
    [{D: 0.9, S: 0.6, C: 0.5}, [0.1, 0.4, 0.5]],
    [{D: 0.5, S: 1, C: 0.75}, [2 / 3, 0, 1 / 3]],
    // Unknown counts as 0.
    [{D: 0.5}, [0.2, 0.4, 0.4]],
    [{D: 1, S: 1, C: 1}, [1 / 3, 1 / 3, 1 / 3]],
  ] as Array<[Record<string, number>, number[]]>) {
    const adversaries = adaptive(7);
    adversaries.setRobustAccuracy(accuracies);
    const shares = draws(adversaries);
    shares.forEach((share, k) => {
      t.true(Math.abs(share - wanted[k]) < 0.025, `${shares} not ${wanted}`);
    });
  }
});

test('draws follow from the seed and the batch alone', t => {
  const sequence = (seed: number) => {
    const adversaries = adaptive(seed);
    return Array.from({length: 60}, (_, step) => adversaries.ofBatch(step)[0]);
  };
  t.deepEqual(sequence(3), sequence(3));
  t.notDeepEqual(sequence(3), sequence(4));
  // In any order: a run that goes on draws the same.
  const again = adaptive(3);
  t.is(again.ofBatch(41)[0], sequence(3)[41]);
});

test('a running robust accuracy takes a tenth of each batch', t => {
  const adversaries = adaptive(1);
  const success = (...fooled: boolean[]) =>
    ({success: tf.tensor1d(fooled, 'bool')}) as unknown as Judged;
  t.deepEqual(adversaries.robustAccuracy(), {});
  adversaries.note(1, success(true, false, false, false));
  t.deepEqual(adversaries.robustAccuracy(), {S: 0.75});
  adversaries.note(1, success(true, true, true, true));
  const {S} = adversaries.robustAccuracy();
  t.true(Math.abs(S - 0.675) < 1e-6);
  adversaries.note(0, success(false));
  t.deepEqual(Object.keys(adversaries.robustAccuracy()), ['D', 'S']);
});

test.serial(
  'a fit that goes on from state() is the fit that never stopped',
  async t => {
    const args = {
      ...{attack: ['D(0.05)', 'D(0.2)'], union: 'adaptive' as const, seed: 2},
      ...{crafting: 'fast' as const, guard: false},
    };
    const whole = compiled();
    await whole.fit(x, y, {
      ...{...FIT, epochs: 6},
      callbacks: adversarialTraining(args),
    });
    const model = compiled();
    const first = adversarialTraining(args);
    await model.fit(x, y, {...FIT, epochs: 3, callbacks: first});
    const state = first.state();
    t.true(Object.keys(state.robustAccuracy).length > 0);
    const given = JSON.stringify(state);
    const second = adversarialTraining({...args, initialState: state});
    await model.fit(x, y, {
      ...{...FIT, epochs: 6, initialEpoch: 3},
      callbacks: second,
    });
    t.deepEqual(weightsOf(model), weightsOf(whole));
    t.is(JSON.stringify(state), given, 'the state stays the caller’s');
  },
);

test.serial(
  'adv_acc and clean_acc are tfjs’s acc where they say the same',
  async t => {
    for (const end of ['softmax', 'logits'] as const) {
      const loss = (labels: tf.Tensor, z: tf.Tensor) =>
        tf.losses.softmaxCrossEntropy(labels, z, undefined, 0, 0);
      const how = {end, ...(end === 'logits' && {loss})};
      const fit = async (args: object, zero = false) => {
        const model = compiled({
          ...how,
          metrics: ['categoricalAccuracy'],
          // So that each batch is measured with the same weights.
          optimizer: () => tf.train.sgd(0),
        });
        // All logits equal: of equals the first counts.
        if (zero)
          model.setWeights(model.getWeights().map(w => tf.zerosLike(w)));
        const {history} = await model.fit(x, y, {
          ...FIT,
          callbacks: adversarialTraining({
            ...{attack: 'D', cleanMetrics: true, metricsEvery: 1},
            ...args,
          }),
        });
        return Object.fromEntries(
          Object.entries(history).map(([key, [v]]) => [key, v as number]),
        );
      };
      const same = (a: number, b: number) =>
        t.true(Math.abs(a - b) < 1e-6, `${end}: ${a}, ${b}`);
      for (const zero of [false, true]) {
        const attacked = await fit({steps: 2}, zero);
        same(attacked.adv_acc, attacked.categoricalAccuracy);
        const clean = await fit({attack: 'None'}, zero);
        same(clean.clean_acc, clean.categoricalAccuracy);
        same(clean.adv_acc, clean.clean_acc);
        const fast = await fit({crafting: 'fast', guard: false}, zero);
        same(fast.adv_acc, fast.categoricalAccuracy);
        const both = await fit({steps: 2, mix: 'both'}, zero);
        same((both.adv_acc + both.clean_acc) / 2, both.categoricalAccuracy);
      }
    }
  },
);
