import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {attack} from '../../src/attacks/attack.js';
import {Delta} from '../../src/attacks/threat_models/delta.js';
import {StAdv} from '../../src/attacks/threat_models/stadv.js';
import {adversarialTraining} from '../../src/callbacks/adversarial_training.js';
import {trades} from '../../src/defenses/trades.js';
import {missingBackend, usual} from '../helpers/backends.js';
import {small} from '../helpers/toy.js';
import {
  BATCH,
  batchesOf,
  classes,
  compiled,
  type CompileOptions,
  FIT,
  weightDifference,
  x,
  y,
} from '../helpers/training.js';

await missingBackend(usual);

const fromLogits = (labels: tf.Tensor, output: tf.Tensor) =>
  tf.losses.softmaxCrossEntropy(
    labels,
    output,
    undefined,
    undefined,
    tf.Reduction.NONE,
  );

const PLAIN: Record<
  string,
  [CompileOptions, labels?: tf.Tensor, classWeight?: tf.ClassWeight]
> = {
  'with SGD': [{}],
  'with Adam': [{optimizer: () => tf.train.adam(0.01)}],
  'with momentum': [{optimizer: () => tf.train.momentum(0.05, 0.9)}],
  'on class indices': [
    {loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy']},
    tf.reshape(classes, [-1, 1]),
  ],
  'with class weights': [{}, y, {0: 1, 1: 3, 2: 0.25}],
  'on logits': [{end: 'logits', loss: fromLogits}],
  'with dropout': [{dropout: true}],
};

for (const [what, [options, labels = y, classWeight]] of Object.entries(
  PLAIN,
)) {
  test.serial(
    `without its second part it is plain training, ${what}`,
    async t => {
      const model = compiled(options);
      const robust = await model.fit(x, labels, {
        ...FIT,
        epochs: 2,
        classWeight,
        callbacks: adversarialTraining({
          attack: 'D',
          steps: 1,
          objective: trades({beta: 0}),
        }),
      });
      const other = compiled(options);
      const plain = await other.fit(x, labels, {
        ...FIT,
        epochs: 2,
        classWeight,
      });
      t.true(weightDifference(model, other) < 1e-5);
      for (const key of Object.keys(plain.history)) {
        robust.history[key].forEach((v, i) => {
          const wanted = plain.history[key][i] as number;
          t.true(Math.abs((v as number) - wanted) < 1e-4, key);
        });
      }
    },
  );
}

test.serial('regularization of layers is added', async t => {
  const regularized = () => {
    const model = tf.sequential({
      layers: [
        tf.layers.flatten({inputShape: x.shape.slice(1)}),
        tf.layers.dense({
          units: 3,
          activation: 'softmax',
          kernelInitializer: tf.initializers.heNormal({seed: 1}),
          kernelRegularizer: tf.regularizers.l2({l2: 0.1}),
        }),
      ],
    });
    model.compile({optimizer: 'sgd', loss: 'categoricalCrossentropy'});
    return model;
  };
  const [a, b] = [regularized(), regularized()];
  const robust = await a.fit(x, y, {
    ...FIT,
    callbacks: adversarialTraining({
      attack: 'D',
      steps: 1,
      objective: trades({beta: 0}),
    }),
  });
  const plain = await b.fit(x, y, FIT);
  t.true(weightDifference(a, b) < 1e-5);
  t.true(
    Math.abs(
      (robust.history.loss[0] as number) - (plain.history.loss[0] as number),
    ) < 1e-5,
  );
});

for (const end of ['softmax', 'logits'] as const) {
  test.serial(`a step on a model that ends in ${end}, as by hand`, async t => {
    const options: CompileOptions = {
      end,
      loss: end === 'softmax' ? 'categoricalCrossentropy' : fromLogits,
      optimizer: () => tf.train.sgd(0.1),
    };
    const seed = 4;
    const [images, labels] = batchesOf(y)[0] as [tf.Tensor4D, tf.Tensor2D];
    const model = compiled(options);
    const {history} = await model.fit(images, labels, {
      ...FIT,
      callbacks: adversarialTraining({
        attack: 'D(0.1)',
        steps: 4,
        seed,
        objective: trades({beta: 3}),
      }),
    });

    const byHand = compiled(options);
    // The first batch draws from the seed itself, the next from the one after it.
    const {adversarial} = attack('D(0.1)', {
      steps: 4,
      loss: 'kl',
      optimizer: 'sign',
      learningRate: 0.007,
      randomStart: {stddev: 0.001},
      keep: 'last',
      seed,
    }).perturb(byHand, images, labels);
    const probabilities = (x: tf.Tensor) => {
      const output = byHand.apply(x, {training: true}) as tf.Tensor;
      return end === 'softmax' ? output : tf.softmax(output);
    };
    let natural = 0;
    const loss = tf.train.sgd(0.1).minimize(
      () => {
        const p = probabilities(images);
        const q = probabilities(adversarial);
        const crossEntropy = tf.neg(tf.sum(tf.mul(labels, tf.log(p)), 1));
        natural = tf.mean(crossEntropy).dataSync()[0];
        const divergence = tf.sum(tf.mul(p, tf.sub(tf.log(p), tf.log(q))), 1);
        return tf.mean(
          tf.add(crossEntropy, tf.mul(divergence, 3)),
        ) as tf.Scalar;
      },
      true,
      byHand.trainableWeights.map(w => w.read() as tf.Variable),
    )!;
    t.true(weightDifference(model, byHand) < 1e-5);
    const [value] = loss.dataSync();
    t.true(Math.abs((history.loss[0] as number) - value) < 1e-4);
    t.true(value > natural);
  });
}

test.serial('metrics are those of the clean batch', async t => {
  const [images, labels] = batchesOf(y)[0];
  const fresh = compiled();
  const [, accuracy] = fresh.evaluate(images, labels, {
    batchSize: BATCH,
  }) as tf.Scalar[];
  const {history} = await compiled().fit(images, labels, {
    ...FIT,
    callbacks: adversarialTraining({
      attack: 'D(0.5)',
      steps: 5,
      learningRate: 0.2,
      objective: trades(),
    }),
  });
  t.is(history.acc[0], accuracy.dataSync()[0]);
  const [clean, adversarial] = ['clean_loss', 'adv_loss'].map(
    key => history[key][0] as number,
  );
  t.true(Math.abs(clean - adversarial) > 0.01);
});

test.serial(
  'crafting is as in the paper for D, and bounded steps for others',
  t => {
    const {attackOptions, name} = trades();
    t.is(name, 'TRADES(6)');
    t.deepEqual(attackOptions(new Delta()), {
      loss: 'kl',
      optimizer: 'sign',
      learningRate: 0.007,
      randomStart: {stddev: 0.001},
      keep: 'last',
    });
    for (const other of [new StAdv(), new Delta({norm: 'l2', epsilon: 1})]) {
      t.is(attackOptions(other).learningRate, undefined);
    }
    t.deepEqual(
      trades({startStddev: 0.1}).attackOptions(new Delta()).randomStart,
      {
        stddev: 0.1,
      },
    );
  },
);

test.serial(
  'it goes with any attack, and options of the user count',
  async t => {
    for (const args of [
      {attack: small('C+S+D'), steps: 2},
      {attack: 'S', steps: 2, loss: 'margin', optimizer: 'adam'} as const,
      {attack: 'None'},
    ]) {
      const model = compiled();
      const {history} = await model.fit(x, y, {
        ...FIT,
        callbacks: adversarialTraining({...args, objective: trades({beta: 1})}),
      });
      t.true(Number.isFinite(history.loss[0] as number));
    }
    const model = compiled();
    const {history} = await model.fit(x, y, {
      ...FIT,
      callbacks: adversarialTraining({
        attack: 'D',
        steps: 1,
        learningRate: 0.002,
        randomStart: false,
        loss: 'crossEntropy',
        objective: trades(),
      }),
    });
    t.true(Math.abs((history.size_D[0] as number) - 0.002) < 1e-6);
  },
);

test.serial('training with it makes predictions move less', async t => {
  const movement = (model: tf.LayersModel) => {
    const {adversarial} = attack('D(0.1)', {
      steps: 10,
      learningRate: 0.02,
    }).perturb(model, x, y);
    const [p, q] = [x, adversarial].map(v => model.predict(v) as tf.Tensor);
    return tf.mean(tf.abs(tf.sub(p, q))).dataSync()[0];
  };
  const fit = async (beta: number) => {
    const model = compiled({optimizer: () => tf.train.adam(0.005)});
    await model.fit(x, y, {
      ...FIT,
      epochs: 12,
      callbacks: adversarialTraining({
        attack: 'D(0.1)',
        steps: 3,
        learningRate: 0.05,
        seed: 1,
        objective: trades({beta}),
      }),
    });
    return movement(model);
  };
  const [plain, robust] = [await fit(0), await fit(6)];
  t.true(robust < plain, `${robust} against ${plain}`);
});
