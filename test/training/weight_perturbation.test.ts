import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {adversarialTraining} from '../../src/callbacks/adversarial_training.js';
import type {TrainingObjective} from '../../src/defenses/objective.js';
import type {TrainableModel} from '../../src/tfjs/train_function.js';
import {objectiveStep, ownLoss} from '../../src/training/objective_step.js';
import {perturbWeights} from '../../src/training/weight_perturbation.js';
import {missingBackend, usual} from '../helpers/backends.js';
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

await missingBackend(usual);

const [[images, labels]] = batchesOf(y);
const GAMMAS = [0.005, 0.1];

function lossOf(model: tf.LayersModel): tf.Scalar {
  const p = model.apply(images, {training: true}) as tf.Tensor;
  return tf.metrics.categoricalCrossentropy(labels, p).mean() as tf.Scalar;
}

const norm = (values: number[]) => Math.hypot(...values);

for (const gamma of GAMMAS) {
  test.serial(
    `γ = ${gamma}: each kernel moves by γ of its norm along the gradient, and comes back to the last bit`,
    t => {
      for (const batchNormalization of [false, true]) {
        const model = compiled({batchNormalization, functional: true});
        const before = weightsOf(model);
        tf.tidy(() => {
          const weights = model.trainableWeights.map(w =>
            w.read(),
          ) as tf.Variable[];
          const {value, grads} = tf.variableGrads(() => lossOf(model), weights);
          model.setWeights(
            before.map((w, i) =>
              tf.tensor(w, model.weights[i].shape as number[]),
            ),
          );
          const restore = perturbWeights(
            model as unknown as TrainableModel,
            gamma,
            () => lossOf(model),
          );
          const moved = weightsOf(model);
          model.weights.forEach((weight, i) => {
            const apart = moved[i].map((v, k) => v - before[i][k]);
            if (weight.shape.length < 2) {
              t.is(norm(apart), 0, weight.name);
              return;
            }
            const share = norm(apart) / norm(before[i]);
            t.true(Math.abs(share / gamma - 1) < 1e-2, `${share}`);
            const name = (weight.read() as tf.Variable).name;
            const gradient = [...grads[name].dataSync()];
            const along =
              apart.reduce((sum, v, k) => sum + v * gradient[k], 0) /
              (norm(apart) * norm(gradient));
            t.true(along > 0.999, `${weight.name}: ${along}`);
          });
          t.true(lossOf(model).dataSync()[0] > value.dataSync()[0]);
          restore();
        });
        // Reading the loss has moved batch normalization's statistics.
        model.weights.forEach((weight, i) => {
          if (!weight.trainable) return;
          t.deepEqual(weightsOf(model)[i], before[i], weight.name);
        });
      }
    },
  );
}

test.serial('an update is w − η ∇loss(w + v)', async t => {
  const gamma = 0.1;
  const args = {attack: 'None', awp: gamma};
  const model = compiled();
  await model.fit(x, y, {...FIT, callbacks: adversarialTraining(args)});
  const byHand = compiled();
  const optimizer = tf.train.sgd(0.05);
  const loss = (i: tf.Tensor4D, l: tf.Tensor) =>
    tf.metrics
      .categoricalCrossentropy(l, byHand.apply(i) as tf.Tensor)
      .mean() as tf.Scalar;
  for (const [i, l] of batchesOf(y)) {
    const weights = byHand.trainableWeights.map(w => w.read()) as tf.Variable[];
    const saved = weights.map(w => w.clone());
    const at = tf.variableGrads(() => loss(i, l), weights).grads;
    weights.forEach(w => {
      if (w.rank < 2) return;
      const v = tf.mul(
        at[w.name],
        tf.div(tf.mul(gamma, tf.norm(w)), tf.norm(at[w.name])),
      );
      w.assign(tf.add(w as tf.Tensor, v));
    });
    const {grads} = tf.variableGrads(() => loss(i, l), weights);
    weights.forEach((w, k) => w.assign(saved[k]));
    optimizer.applyGradients(grads);
  }
  t.true(weightDifference(model, byHand) < 1e-6);
  const plain = compiled();
  await plain.fit(x, y, {
    ...FIT,
    callbacks: adversarialTraining({attack: 'None'}),
  });
  t.true(weightDifference(model, plain) > 1e-4);
});

test.serial(
  'a vanishing γ is training without, moving statistics included',
  async t => {
    const fit = async (awp: number) => {
      const model = compiled({batchNormalization: true});
      const history = await model.fit(x, y, {
        ...{...FIT, epochs: 2},
        callbacks: adversarialTraining({attack: 'D', steps: 1, awp}),
      });
      return {model, history};
    };
    const [tiny, none] = [await fit(1e-9), await fit(0)];
    t.true(weightDifference(tiny.model, none.model) < 1e-5);
  },
);

for (const failing of [1, 2]) {
  test.serial(
    `an error in forward pass ${failing} leaves the weights as they were`,
    t => {
      const model = compiled({batchNormalization: true, functional: true});
      const before = weightsOf(model);
      let calls = 0;
      const objective: TrainingObjective = {
        ...ownLoss,
        compute: args => {
          const result = ownLoss.compute(args);
          if (++calls === failing) throw new Error('out of memory');
          return result;
        },
      };
      t.throws(
        () =>
          objectiveStep(
            model as unknown as TrainableModel,
            objective,
            {images, labels, sampleWeights: null},
            images,
            0.1,
          ),
        {message: 'out of memory'},
      );
      t.is(calls, failing);
      model.weights.forEach((weight, i) => {
        // Each pass in training mode moves the statistics, here as in tfjs.
        if (!weight.trainable && failing === 2) return;
        t.deepEqual(weightsOf(model)[i], before[i], weight.name);
      });
    },
  );
}

test.serial('it goes with every objective, and leaks nothing', async t => {
  const fit = (model: tf.LayersModel) =>
    model.fit(x, y, {
      ...FIT,
      callbacks: adversarialTraining({
        ...{attack: 'D', crafting: 'fast', seed: 1},
        ...{awp: 0.01, labelSmoothing: 0.1},
      }),
    });
  const model = compiled();
  const {history} = await fit(model);
  t.true(Number.isFinite(history.loss[0] as number));
  t.is(await leakAsync(async () => void (await fit(model))), 0);
});
