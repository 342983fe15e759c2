import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {logitPairing} from '../../src/defenses/logit_pairing.js';
import {mart} from '../../src/defenses/mart.js';
import type {TrainingObjective} from '../../src/defenses/objective.js';
import {adversarialTraining} from '../../src/callbacks/adversarial_training.js';
import {attack} from '../../src/attacks/attack.js';
import {missingBackend, usual} from '../helpers/backends.js';
import {leakAsync} from '../helpers/memory.js';
import {
  batchesOf,
  classes,
  compiled,
  FIT,
  weightDifference,
  weightsOf,
  x,
  y,
} from '../helpers/training.js';

await missingBackend(usual);

type Rows = number[][];

const softmax = (z: number[]) => {
  const top = Math.max(...z);
  const e = z.map(v => Math.exp(v - top));
  const sum = e.reduce((a, b) => a + b, 0);
  return e.map(v => v / sum);
};
const crossEntropy = (z: number[], label: number) =>
  -Math.log(softmax(z)[label]);
const mean = (values: number[]) =>
  values.reduce((a, b) => a + b, 0) / values.length;

/** What the papers say, in double precision, of clean logits and adversarial ones. */
const FORMULAS: Record<
  string,
  {
    objective: TrainingObjective;
    each(clean: number[], attacked: number[], label: number): number;
  }
> = {
  'MART(5)': {
    objective: mart({beta: 5}),
    each: (clean, attacked, label) => {
      const [p, q] = [softmax(clean), softmax(attacked)];
      const wrong = Math.max(...q.filter((_, k) => k !== label));
      const divergence = p.reduce(
        (sum, v, k) => sum + v * Math.log(v / q[k]),
        0,
      );
      return (
        -Math.log(q[label]) -
        Math.log(1 - wrong) +
        5 * divergence * (1 - p[label])
      );
    },
  },
  'logit pairing(0.5)': {
    objective: logitPairing(),
    each: (clean, attacked, label) =>
      crossEntropy(attacked, label) +
      crossEntropy(clean, label) +
      0.5 * clean.reduce((sum, v, k) => sum + (v - attacked[k]) ** 2, 0),
  },
  'logit pairing(2)': {
    objective: logitPairing({weight: 2, clean: 0.25}),
    each: (clean, attacked, label) =>
      crossEntropy(attacked, label) +
      0.25 * crossEntropy(clean, label) +
      2 * clean.reduce((sum, v, k) => sum + (v - attacked[k]) ** 2, 0),
  },
};

const LABELS = [0, 2, 1, 3];
const WEIGHTS = [1, 0.5, 3, 0];
const CLEAN: Rows = [
  [1.5, -0.3, 0.2, 0.9],
  [-2, 1, 0.5, 0.1],
  [0.4, 0.3, -1.2, 0.6],
  [3, -1, 2, 1],
];
const ATTACKED: Rows = [
  [0.7, 0.5, -0.1, 1.4],
  [-1, 1.7, 0.2, 0.6],
  [0.9, -0.4, -0.8, 0.1],
  [1, 0.5, -2, 0.3],
];

/** The objective as a function of logits: images are logits, and the network does nothing. */
function loss(
  objective: TrainingObjective,
  clean: tf.Tensor,
  attacked: tf.Tensor,
  labels: tf.Tensor,
  sampleWeights: tf.Tensor1D | null,
): tf.Scalar {
  return objective.compute({
    images: clean as tf.Tensor4D,
    adversarial: attacked as tf.Tensor4D,
    labels,
    sampleWeights,
    forward: z => ({
      logits: z as unknown as tf.Tensor2D,
      output: z as unknown as tf.Tensor2D,
    }),
    loss: (own, z) =>
      tf.neg(
        tf.sum(
          tf.mul(
            tf.logSoftmax(z as tf.Tensor2D),
            own.rank === 2 && own.shape[1] === 4
              ? own
              : tf.oneHot(tf.cast(tf.reshape(own, [-1]), 'int32'), 4),
          ),
          1,
        ),
      ),
  }).loss;
}

const oneHot = tf.oneHot(tf.tensor1d(LABELS, 'int32'), 4).toFloat();
const KINDS: Record<string, tf.Tensor> = {
  'one-hot': oneHot,
  indices: tf.tensor1d(LABELS),
  'indices in a column': tf.tensor2d(LABELS, [4, 1]),
};

for (const [name, {objective, each}] of Object.entries(FORMULAS)) {
  const exact = (clean: Rows, attacked: Rows, weights?: number[]) =>
    mean(
      LABELS.map(
        (label, i) => (weights?.[i] ?? 1) * each(clean[i], attacked[i], label),
      ),
    );

  test(`${name} is the formula, and its gradient that of the formula`, t => {
    t.is(objective.name, name);
    for (const [kind, labels] of Object.entries(KINDS)) {
      for (const weights of [undefined, WEIGHTS]) {
        const given = weights ? tf.tensor1d(weights) : null;
        const f = (...z: tf.Tensor[]) =>
          loss(objective, z[0], z[1], labels, given);
        const {value, grads} = tf.valueAndGrads(f)([
          tf.tensor2d(CLEAN),
          tf.tensor2d(ATTACKED),
        ]);
        const wanted = exact(CLEAN, ATTACKED, weights);
        t.true(Math.abs(value.dataSync()[0] - wanted) < 1e-5 * wanted, kind);
        // Central differences in double precision.
        const h = 1e-5;
        for (const which of [0, 1]) {
          const found = grads[which].arraySync() as Rows;
          CLEAN.forEach((row, i) =>
            row.forEach((_, k) => {
              const at = (shift: number) => {
                const moved = [CLEAN, ATTACKED].map(rows =>
                  rows.map(r => [...r]),
                );
                moved[which][i][k] += shift;
                return exact(moved[0], moved[1], weights);
              };
              const slope = (at(h) - at(-h)) / (2 * h);
              t.true(
                Math.abs(found[i][k] - slope) < 1e-5,
                `${kind}: ${which} ${i} ${k}: ${found[i][k]}, not ${slope}`,
              );
            }),
          );
        }
      }
    }
  });
}

test('MART stays finite, with a gradient, where probabilities are 0 or 1', t => {
  const clean = tf.tensor2d([
    [80, 0, 0, 0],
    [-90, 90, 0, 0],
  ]);
  const attacked = tf.tensor2d([
    [0, 90, -90, 0],
    [0, 120, 3, 0],
  ]);
  const labels = tf.tensor1d([0, 1]);
  const f = (...z: tf.Tensor[]) => loss(mart(), z[0], z[1], labels, null);
  const {value, grads} = tf.valueAndGrads(f)([clean, attacked]);
  // −log p₀ is 90 and −log(1 − p₁) is 90 − log 2; the second example is all right.
  const wanted = (180 - Math.LN2) / 2;
  t.true(Math.abs(value.dataSync()[0] - wanted) < 1e-2, `${value}`);
  for (const gradient of grads) {
    t.true(Array.from(gradient.dataSync()).every(Number.isFinite));
  }
  const [first] = grads[1].arraySync() as Rows;
  t.true(Math.abs(first[0] + 0.75) < 1e-3 && Math.abs(first[1] - 1) < 1e-3);
});

for (const [name, {objective}] of Object.entries(FORMULAS)) {
  test.serial(`${name} trains as by hand, and leaks nothing`, async t => {
    const options = {optimizer: () => tf.train.momentum(0.05, 0.9)};
    const args = {attack: 'D', steps: 2, seed: 4};
    const model = compiled(options);
    const fit = (m: tf.LayersModel) =>
      m.fit(x, y, {
        ...FIT,
        callbacks: adversarialTraining({...args, objective}),
      });
    await fit(model);
    const byHand = compiled(options);
    const optimizer = options.optimizer();
    const isMart = name.startsWith('MART');
    let step = 0;
    for (const [images, labels] of batchesOf(y)) {
      const {adversarial} = attack('D', {
        steps: 2,
        seed: 4 + step++,
        ...(isMart
          ? {
              loss: 'crossEntropy',
              optimizer: 'sign',
              randomStart: {stddev: 0.001},
              keep: 'last',
            }
          : {learningRate: 0.05}),
      }).perturb(byHand, images, labels as tf.Tensor2D);
      const z = (i: tf.Tensor4D) =>
        tf.log(byHand.apply(i, {training: true}) as tf.Tensor2D);
      optimizer.minimize(() => {
        const [p, q] = [z(images), z(adversarial)];
        // Logits, but for a constant in each row.
        if (isMart) return martOf(p, q, labels);
        const ce = (l: tf.Tensor2D) => tf.neg(tf.sum(tf.mul(l, labels), 1));
        const raw = (i: tf.Tensor4D) => rawLogits(byHand, i);
        const apart = tf.sum(
          tf.square(tf.sub(raw(images), raw(adversarial))),
          1,
        );
        const [clean, weight] = name.includes('(2)') ? [0.25, 2] : [1, 0.5];
        return tf.mean(
          tf.addN([ce(q), tf.mul(ce(p), clean), tf.mul(apart, weight)]),
        ) as tf.Scalar;
      });
    }
    const apart = weightDifference(model, byHand);
    t.true(apart < 1e-4, String(apart));
    t.true(weightDifference(model, compiled(options)) > 1e-3);
    t.is(await leakAsync(async () => void (await fit(model))), 0);
  });
}

function martOf(p: tf.Tensor2D, q: tf.Tensor2D, labels: tf.Tensor): tf.Scalar {
  const [pe, qe] = [tf.exp(p), tf.exp(q)];
  const ofLabel = (t: tf.Tensor) => tf.sum(tf.mul(t, labels), 1);
  const wrong = tf.max(tf.sub(qe, tf.mul(labels, 2)), 1);
  const divergence = tf.sum(tf.mul(pe, tf.sub(p, q)), 1);
  return tf.mean(
    tf.addN([
      tf.neg(ofLabel(q)),
      tf.neg(tf.log(tf.sub(1, wrong))),
      tf.mul(tf.mul(divergence, tf.sub(1, ofLabel(pe))), 5),
    ]),
  ) as tf.Scalar;
}

/** What goes into the softmax of a toy classifier. */
function rawLogits(model: tf.LayersModel, images: tf.Tensor4D): tf.Tensor2D {
  let t: tf.Tensor = images;
  for (const layer of model.layers.slice(0, -1)) {
    t = layer.apply(t, {training: true}) as tf.Tensor;
  }
  const [kernel, bias] = model.layers.at(-1)!.weights.map(w => w.read());
  return tf.add(tf.matMul(t as tf.Tensor2D, kernel as tf.Tensor2D), bias);
}

test('weights that are no numbers of at least 0 are refused', t => {
  for (const make of [
    () => mart({beta: -1}),
    () => mart({startStddev: NaN}),
    () => logitPairing({weight: Infinity}),
    () => logitPairing({clean: -0.5}),
  ]) {
    t.throws(make, {message: /must be a number of at least 0/});
  }
});

test('objectives go with class indices and with class weights', async t => {
  for (const objective of [mart(), logitPairing()]) {
    const model = compiled({loss: 'sparseCategoricalCrossentropy'});
    const before = weightsOf(model);
    const {history} = await model.fit(x, tf.reshape(classes, [-1, 1]), {
      ...FIT,
      classWeight: {0: 1, 1: 2, 2: 0.5},
      callbacks: adversarialTraining({attack: 'D', steps: 1, objective}),
    });
    t.true(Number.isFinite(history.loss[0] as number));
    t.notDeepEqual(weightsOf(model), before);
  }
});
