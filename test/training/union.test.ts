import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {
  adversarialTraining,
  type AdversarialTrainingArgs,
  attack,
  trades,
} from '../../src/index.js';
import type {Perturbed} from '../../src/attacks/attack.js';
import {worstOf} from '../../src/training/union.js';
import {leakAsync} from '../helpers/memory.js';
import {
  batchesOf,
  compiled,
  FIT,
  weightDifference,
  weightsOf,
  x,
  y,
} from '../helpers/training.js';

const OPTIONS = {steps: 3, learningRate: 0.02};
const ATTACKS = ['D(0.02)', 'S', 'D(0.01)'];

function fit(model: tf.LayersModel, args: Partial<AdversarialTrainingArgs>) {
  return model.fit(x, y, {
    ...FIT,
    callbacks: adversarialTraining({attack: ATTACKS, ...OPTIONS, ...args}),
  });
}

function craft(model: tf.LayersModel, images: tf.Tensor4D, labels: tf.Tensor) {
  return ATTACKS.map(spec =>
    attack(spec, OPTIONS).perturb(model, images, labels as tf.Tensor2D),
  );
}

test.serial(
  'worst: each example is the one with the smallest margin',
  async t => {
    const [ours, byHand] = [compiled({seed: 5}), compiled({seed: 5})];
    const {history} = await fit(ours, {union: 'worst'});
    const shares = [0, 0, 0];
    for (const [images, labels] of batchesOf(y)) {
      const rows = craft(byHand, images, labels);
      const margins = rows.map(r => r.margin.dataSync());
      const examples = rows.map(r => tf.unstack(r.adversarial));
      const chosen = Array.from(margins[0], (_, i) => {
        const each = margins.map(m => m[i]);
        const best = each.indexOf(Math.min(...each));
        shares[best]++;
        return examples[best][i];
      });
      await byHand.trainOnBatch(tf.stack(chosen), labels);
    }
    t.deepEqual(weightsOf(ours), weightsOf(byHand));
    ATTACKS.forEach((name, k) => {
      const share = history[`share_${name}`][0] as number;
      t.true(Math.abs(share - shares[k] / x.shape[0]) < 1e-6, name);
    });
    t.true(shares.filter(s => s > 0).length > 1);
  },
);

test('worstOf picks rows, sizes included, and the first of equals', t => {
  const result = (margins: number[], value: number, term: string) =>
    ({
      adversarial: tf.fill([margins.length, 1, 1, 3], value),
      margin: tf.tensor1d(margins),
      success: tf.tensor1d(margins.map(m => m < 0)),
      sizes: {[term]: tf.fill([margins.length], value)},
    }) as unknown as Perturbed;
  const worst = worstOf([
    result([1, -2, 3, 0], 0.1, 'D'),
    result([2, -3, -1, 0], 0.2, 'S'),
  ]);
  const values = (z: tf.Tensor) =>
    Array.from(z.dataSync(), v => Math.round(10 * v) / 10);
  t.deepEqual(values(worst.chosen), [0, 1, 1, 0]);
  t.deepEqual(values(worst.margin), [1, -3, -1, 0]);
  t.deepEqual(values(worst.success), [0, 1, 1, 0]);
  t.deepEqual(
    values(tf.max(worst.adversarial, [1, 2, 3])),
    [0.1, 0.2, 0.2, 0.1],
  );
  t.deepEqual(values(worst.sizes.D), [0.1, 0, 0, 0.1]);
  t.deepEqual(values(worst.sizes.S), [0, 0.2, 0.2, 0]);
});

for (const mix of ['adversarial', 'both'] as const) {
  test.serial(`mean, ${mix}: all attacks' examples in one batch`, async t => {
    const [ours, byHand] = [compiled({seed: 5}), compiled({seed: 5})];
    const {history} = await fit(ours, {union: 'mean', mix});
    const margins: number[] = [];
    for (const [images, labels] of batchesOf(y)) {
      const rows = craft(byHand, images, labels);
      margins.push(tf.mean(rows[1].margin).dataSync()[0]);
      const clean = mix === 'both' ? 1 : 0;
      const batch = [
        ...new Array(clean).fill(images),
        ...rows.map(r => r.adversarial),
      ];
      await byHand.trainOnBatch(
        tf.concat(batch),
        tf.concat(batch.map(() => labels)),
      );
    }
    t.true(weightDifference(ours, byHand) < 1e-6);
    const mean = margins.reduce((a, b) => a + b) / margins.length;
    t.true(Math.abs((history.adv_margin_S[0] as number) - mean) < 1e-5);
  });
}

test.serial(
  'random: one attack a batch, by the seed, and each in time',
  async t => {
    const run = async (seed?: number) => {
      const model = compiled({seed: 5});
      const {history} = await model.fit(x, y, {
        ...FIT,
        batchSize: 2,
        epochs: 2,
        callbacks: adversarialTraining({
          attack: ['D', 'S'],
          union: 'random',
          steps: 1,
          seed,
        }),
      });
      return {weights: weightsOf(model), history};
    };
    const [a, b, c] = [await run(3), await run(3), await run(4)];
    t.deepEqual(a.weights, b.weights);
    t.notDeepEqual(a.weights, c.weights);
    // Both were drawn at some time, or there would be nothing under their names.
    t.true((a.history.size_D[1] as number) > 0);
    t.true((a.history.size_S[1] as number) > 0);
    await t.notThrowsAsync(run());
  },
);

test.serial(
  'class weights, an objective and every go with a union',
  async t => {
    for (const union of ['worst', 'mean', 'random'] as const) {
      for (const args of [{objective: trades()}, {every: 2}, {mix: 'both'}]) {
        const model = compiled({seed: 5});
        const {history} = await model.fit(x, y, {
          ...FIT,
          classWeight: {0: 1, 1: 2, 2: 0.5},
          callbacks: adversarialTraining({
            attack: ['D', 'S'],
            union,
            steps: 1,
            seed: 1,
            ...(args as object),
          }),
        });
        t.true(Number.isFinite(history.loss[0] as number));
      }
    }
  },
);

test.serial('a list of one attack is that attack', async t => {
  const [one, list] = [compiled({seed: 5}), compiled({seed: 5})];
  const {history} = await fit(one, {attack: 'D'});
  const listed = await fit(list, {attack: ['D'], union: 'mean'});
  t.deepEqual(weightsOf(one), weightsOf(list));
  t.deepEqual(Object.keys(listed.history), Object.keys(history));
});

test.serial('nothing leaks', async t => {
  const model = compiled({seed: 5});
  for (const union of ['worst', 'mean', 'random'] as const) {
    const leaked = await leakAsync(async () => {
      await fit(model, {union, mix: 'both'});
    });
    t.is(leaked, 0, union);
  }
});

for (const [args, message] of [
  [{attack: []}, /at least one attack/],
  [{attack: ['D', 'X']}, /X/],
  [{attack: ['D', 'D']}, /D is in the list twice/],
  [
    {attack: ['D', 'S'], union: 'max'},
    /union must be one of worst, mean, random/,
  ],
  [{attack: 'D', union: 'worst'}, /needs a list of attacks/],
] as const) {
  test(`${JSON.stringify(args)} is refused`, t => {
    t.throws(() => adversarialTraining(args as never), {message});
  });
}
