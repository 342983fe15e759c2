import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {attack} from '../../src/attacks/attack.js';
import {
  adversarialTraining,
  type AdversarialTrainingArgs,
} from '../../src/callbacks/adversarial_training.js';
import {trades} from '../../src/defenses/trades.js';
import {missingBackend, usual} from '../helpers/backends.js';
import {leakAsync} from '../helpers/memory.js';
import {small} from '../helpers/toy.js';
import {
  BATCH,
  batchesOf,
  classes,
  compiled,
  type CompileOptions,
  dataset,
  FIT,
  N,
  trainByHand,
  weightDifference,
  weightsOf,
  x,
  y,
} from '../helpers/training.js';

await missingBackend(usual);

const ARGS: AdversarialTrainingArgs = {attack: 'D', steps: 2};
/** What the callback makes of {@link ARGS}. */
const OPTIONS = {steps: 2, learningRate: 0.05};

const fromLogits = (labels: tf.Tensor, output: tf.Tensor) =>
  tf.losses.softmaxCrossEntropy(labels, output, undefined, 0, 0);
const topTwo = (labels: tf.Tensor, output: tf.Tensor) =>
  tf.mean(tf.mul(labels, output), -1);

const TRAININGS: Record<string, [CompileOptions, labels?: tf.Tensor]> = {
  'a sequential model': [{}],
  'a functional model': [{functional: true}],
  'SGD with momentum': [{optimizer: () => tf.train.momentum(0.05, 0.9)}],
  Adam: [{optimizer: () => tf.train.adam(0.01)}],
  'an optimizer by name': [{optimizer: () => 'rmsprop'}],
  'labels that are class indices': [
    {loss: 'sparseCategoricalCrossentropy'},
    tf.reshape(classes, [-1, 1]),
  ],
  'a mean squared error': [{loss: 'meanSquaredError', metrics: ['mse', 'mae']}],
  'a loss of its own, on logits': [
    {end: 'logits', loss: fromLogits, metrics: [topTwo]},
  ],
  'no metrics': [{metrics: []}],
  'batch normalization and dropout': [
    {batchNormalization: true, dropout: true},
  ],
};

for (const [what, [options, labels = y]] of Object.entries(TRAININGS)) {
  test.serial(
    `fit trains ${what} on what the attack makes of each batch`,
    async t => {
      const model = compiled(options);
      const {history} = await model.fit(x, labels, {
        ...FIT,
        epochs: 2,
        callbacks: adversarialTraining(ARGS),
      });
      const byHand = compiled(options);
      await trainByHand(byHand, labels, 'D', OPTIONS, {epochs: 2});
      t.deepEqual(weightsOf(model), weightsOf(byHand));
      t.is(history.loss.length, 2);
      t.true(history.loss.every(l => Number.isFinite(l as number)));
    },
  );
}

test.serial(
  'fitDataset trains on what the attack makes of each batch',
  async t => {
    for (const [options, labels = y] of [
      TRAININGS['a sequential model'],
      TRAININGS['a functional model'],
      TRAININGS['labels that are class indices'],
    ]) {
      const model = compiled(options);
      const {history} = await model.fitDataset(dataset(labels), {
        epochs: 2,
        verbose: 0,
        callbacks: adversarialTraining(ARGS),
      });
      const byHand = compiled(options);
      await trainByHand(byHand, labels, 'D', OPTIONS, {epochs: 2});
      t.deepEqual(weightsOf(model), weightsOf(byHand));
      t.is(history.adv_acc.length, 2);
    }
  },
);

test.serial('every term and combination can be trained against', async t => {
  for (const spec of ['C', 'S', 'C-RGB+D', 'C+S+D']) {
    const model = compiled();
    const before = weightsOf(model);
    const {history} = await model.fit(x, y, {
      ...FIT,
      callbacks: adversarialTraining({attack: small(spec), steps: 1}),
    });
    t.notDeepEqual(weightsOf(model), before);
    for (const term of spec.split('+')) {
      t.true((history[`size_${term}`][0] as number) > 0, term);
    }
  }
});

const WITHOUT: Record<string, AdversarialTrainingArgs> = {
  'zero steps': {attack: small('C+S+D'), steps: 0},
  'zero steps in the reference variant of D': {
    attack: 'D',
    steps: 0,
    variant: 'reference',
  },
  "the attack 'None'": {attack: 'None'},
  'bounds of zero': {attack: 'D(0)+S(0)', steps: 1},
};

for (const [what, args] of Object.entries(WITHOUT)) {
  test.serial(`${what} leave training as it is, to the last bit`, async t => {
    const options: CompileOptions = {
      batchNormalization: true,
      dropout: true,
      optimizer: () => tf.train.adam(0.01),
    };
    const ways: Array<
      (m: tf.LayersModel, c: tf.CustomCallback[]) => Promise<tf.History>
    > = [
      (m, callbacks) => m.fit(x, y, {...FIT, epochs: 2, callbacks}),
      (m, callbacks) => m.fit(x, y, {...FIT, validationSplit: 0.25, callbacks}),
      (m, callbacks) =>
        m.fit(x, y, {...FIT, classWeight: {0: 1, 1: 3, 2: 0.5}, callbacks}),
      (m, callbacks) =>
        m.fitDataset(dataset(), {epochs: 2, verbose: 0, callbacks}),
    ];
    for (const fit of ways) {
      const model = compiled(options);
      const robust = await fit(model, [adversarialTraining(args)]);
      const other = compiled(options);
      const plain = await fit(other, []);
      t.deepEqual(weightsOf(model), weightsOf(other));
      for (const key of Object.keys(plain.history)) {
        t.deepEqual(robust.history[key], plain.history[key], key);
      }
    }
  });
}

test.serial('validation data are not attacked', async t => {
  for (const how of [{validationData: [x, y]}, {validationSplit: 0.5}]) {
    const model = compiled();
    const {history} = await model.fit(x, y, {
      ...FIT,
      ...(how as {validationData?: [tf.Tensor, tf.Tensor]}),
      epochs: 2,
      callbacks: adversarialTraining(ARGS),
    });
    const from = 'validationSplit' in how ? N / 2 : 0;
    const [loss, accuracy] = model.evaluate(
      tf.slice(x, [from, 0, 0, 0], [-1, -1, -1, -1]),
      tf.slice(y, [from, 0], [-1, -1]),
      {batchSize: BATCH},
    ) as tf.Scalar[];
    t.true(
      Math.abs((history.val_loss[1] as number) - loss.dataSync()[0]) < 1e-6,
    );
    t.true(
      Math.abs((history.val_acc[1] as number) - accuracy.dataSync()[0]) < 1e-6,
    );
    t.deepEqual(
      Object.keys(history).filter(key => key.startsWith('val_')),
      ['val_loss', 'val_acc'],
    );
  }
});

test.serial('fitDataset validates on a dataset', async t => {
  const model = compiled();
  const {history} = await model.fitDataset(dataset(), {
    epochs: 1,
    verbose: 0,
    validationData: dataset(),
    callbacks: adversarialTraining(ARGS),
  });
  t.true(Number.isFinite(history.val_loss[0] as number));
});

test.serial('class weights weigh adversarial examples', async t => {
  const fit = async (classWeight?: tf.ClassWeight, args = ARGS) => {
    const model = compiled();
    await model.fit(x, y, {
      ...FIT,
      classWeight,
      callbacks: adversarialTraining(args),
    });
    return model;
  };
  for (const args of [ARGS, {...ARGS, mix: 'both'} as const]) {
    const equal = await fit({0: 1, 1: 1, 2: 1}, args);
    const none = await fit(undefined, args);
    t.deepEqual(weightsOf(equal), weightsOf(none));
    const still = await fit({0: 0, 1: 0, 2: 0}, args);
    t.deepEqual(weightsOf(still), weightsOf(compiled()));
    const other = await fit({0: 5, 1: 1, 2: 1}, args);
    t.true(weightDifference(other, none) > 1e-4);
  }
});

test.serial('stopTraining ends it', async t => {
  const model = compiled();
  let batches = 0;
  const stop = new tf.CustomCallback({
    onBatchEnd: async () => {
      if (++batches === 2) model.stopTraining = true;
    },
  });
  const {history} = await model.fit(x, y, {
    ...FIT,
    epochs: 5,
    callbacks: [adversarialTraining(ARGS), stop],
  });
  t.is(batches, 2);
  t.is(history.adv_loss.length, 1);
  const byHand = compiled();
  const two = batchesOf(y).slice(0, 2);
  for (const [images, labels] of two) {
    const {adversarial} = attack('D', OPTIONS).perturb(
      byHand,
      images,
      labels as tf.Tensor2D,
    );
    await byHand.trainOnBatch(adversarial, labels);
  }
  t.deepEqual(weightsOf(model), weightsOf(byHand));
});

test.serial(
  'several models train at once, each with its own attack or none',
  async t => {
    const trainings: Array<AdversarialTrainingArgs | null> = [
      ARGS,
      null,
      {attack: 'S', steps: 1},
      {...ARGS, mix: 'both'},
    ];
    const train = async (args: AdversarialTrainingArgs | null) => {
      const model = compiled({optimizer: () => tf.train.adam(0.01)});
      await model.fit(x, y, {
        ...FIT,
        epochs: 2,
        // Gives the others a turn after every batch.
        yieldEvery: 'batch',
        callbacks: [
          ...(args ? [adversarialTraining(args)] : []),
          new tf.CustomCallback({onBatchEnd: () => tf.nextFrame()}),
        ],
      });
      return weightsOf(model);
    };
    const together = await Promise.all(trainings.map(train));
    for (const [i, args] of trainings.entries()) {
      t.deepEqual(together[i], await train(args));
    }
  },
);

test.serial(
  'a callback can be used again, with the same or another model',
  async t => {
    const callback = adversarialTraining({...ARGS, every: 2});
    const fit = async (model: tf.LayersModel, own: tf.CustomCallback) => {
      await model.fit(x, y, {...FIT, callbacks: own});
      return weightsOf(model);
    };
    const fresh = () => adversarialTraining({...ARGS, every: 2});
    const [a, b] = [compiled(), compiled()];
    for (let i = 0; i < 2; i++) {
      t.deepEqual(await fit(a, callback), await fit(b, fresh()));
    }
    const [c, d] = [compiled({seed: 5}), compiled({seed: 5})];
    t.deepEqual(await fit(c, callback), await fit(d, fresh()));
  },
);

test.serial(
  'after an exception in the middle, plain training is plain',
  async t => {
    const model = compiled();
    const start = model.getWeights().map(w => w.clone());
    const broken = new tf.CustomCallback({
      onBatchEnd: async batch => {
        if (batch === 1) throw new Error('out of order');
      },
    });
    const callback = adversarialTraining(ARGS);
    await t.throwsAsync(
      model.fit(x, y, {...FIT, callbacks: [callback, broken]}),
      {message: 'out of order'},
    );
    model.setWeights(start);
    await model.fit(x, y, FIT);
    const plain = compiled();
    await plain.fit(x, y, FIT);
    t.deepEqual(weightsOf(model), weightsOf(plain));

    // The callback itself is as good as new, too.
    model.setWeights(start);
    await model.fit(x, y, {...FIT, callbacks: callback});
    const other = compiled();
    await other.fit(x, y, {...FIT, callbacks: adversarialTraining(ARGS)});
    t.deepEqual(weightsOf(model), weightsOf(other));
  },
);

test.serial('a model that is compiled anew trains on', async t => {
  const model = compiled();
  const callback = adversarialTraining(ARGS);
  await model.fit(x, y, {...FIT, callbacks: callback});
  const recompile = {
    optimizer: 'sgd',
    loss: 'meanSquaredError',
    metrics: ['accuracy'],
  };
  model.compile(recompile);
  await model.fit(x, y, {...FIT, callbacks: callback});
  const byHand = compiled();
  await trainByHand(byHand, y, 'D', OPTIONS);
  byHand.compile(recompile);
  await trainByHand(byHand, y, 'D', OPTIONS);
  t.deepEqual(weightsOf(model), weightsOf(byHand));
});

test.serial('frozen layers stay as they are', async t => {
  for (const objective of [undefined, trades()]) {
    const model = compiled();
    const [frozen] = model.layers;
    const last = model.layers[model.layers.length - 1];
    frozen.trainable = false;
    model.compile({optimizer: 'sgd', loss: 'categoricalCrossentropy'});
    const weights = (layer: tf.layers.Layer) =>
      layer.getWeights().map(w => [...w.dataSync()]);
    const before = [frozen, last].map(weights);
    await model.fit(x, y, {
      ...FIT,
      callbacks: adversarialTraining({...ARGS, objective}),
    });
    t.deepEqual(weights(frozen), before[0]);
    t.notDeepEqual(weights(last), before[1]);
  }
});

test.serial(
  "mix: 'both' trains on clean and adversarial halves together",
  async t => {
    for (const options of [{}, {batchNormalization: true}]) {
      const model = compiled(options);
      await model.fit(x, y, {
        ...FIT,
        callbacks: adversarialTraining({...ARGS, mix: 'both'}),
      });
      const byHand = compiled(options);
      await trainByHand(byHand, y, 'D', OPTIONS, {mix: 'both'});
      t.deepEqual(weightsOf(model), weightsOf(byHand));
    }
  },
);

test.serial(
  'every: every k-th batch is attacked, on from epoch to epoch',
  async t => {
    const model = compiled();
    const {history} = await model.fit(x, y, {
      ...FIT,
      epochs: 2,
      callbacks: adversarialTraining({...ARGS, every: 2}),
    });
    const byHand = compiled();
    await trainByHand(byHand, y, 'D', OPTIONS, {every: 2, epochs: 2});
    t.deepEqual(weightsOf(model), weightsOf(byHand));
    t.true(history.size_D.every(s => (s as number) > 0.03));
  },
);

test.serial('warmUpEpochs: bounds grow to their full size', async t => {
  const model = compiled();
  const {history} = await model.fit(x, y, {
    ...FIT,
    epochs: 5,
    callbacks: adversarialTraining({
      attack: 'D(0.04)+S(0.1)',
      steps: 4,
      optimizer: 'sign',
      keep: 'last',
      smoothnessWeight: 0,
      warmUpEpochs: 4,
    }),
  });
  // Mean sizes of batches in which every example reaches its bound.
  [0.25, 0.5, 0.75, 1, 1].forEach((share, epoch) => {
    t.true(
      Math.abs((history.size_D[epoch] as number) - 0.04 * share) < 1e-4,
      `size_D ${history.size_D}`,
    );
    t.true(
      Math.abs((history.size_S[epoch] as number) - 0.1 * share) < 1e-3,
      `size_S ${history.size_S}`,
    );
  });
});

test.serial(
  'a seed makes random starts, and so training, repeatable',
  async t => {
    const train = async (seed?: number) => {
      const model = compiled();
      await model.fit(x, y, {
        ...FIT,
        callbacks: adversarialTraining({...ARGS, randomStart: true, seed}),
      });
      return weightsOf(model);
    };
    t.deepEqual(await train(3), await train(3));
    t.notDeepEqual(await train(3), await train(4));
  },
);

test.serial('trainOnBatch during a running fit is plain', async t => {
  const between = async (model: tf.LayersModel) => {
    const [images, labels] = batchesOf(y)[0];
    await model.trainOnBatch(images, labels);
  };
  const model = compiled();
  await model.fit(x, y, {
    ...FIT,
    callbacks: [
      adversarialTraining(ARGS),
      new tf.CustomCallback({onBatchEnd: () => between(model)}),
    ],
  });
  const byHand = compiled();
  for (const [images, labels] of batchesOf(y)) {
    const {adversarial} = attack('D', OPTIONS).perturb(
      byHand,
      images,
      labels as tf.Tensor2D,
    );
    await byHand.trainOnBatch(adversarial, labels);
    await between(byHand);
  }
  t.deepEqual(weightsOf(model), weightsOf(byHand));
});

test.serial('nothing leaks over a fit', async t => {
  const all: AdversarialTrainingArgs[] = [
    ARGS,
    {...ARGS, mix: 'both'},
    {...ARGS, every: 2, warmUpEpochs: 2},
    {...ARGS, objective: trades()},
    {...ARGS, attack: small('C+S+D'), restarts: 2, earlyStop: true, steps: 1},
  ];
  const model = compiled({
    optimizer: () => tf.train.adam(0.01),
    batchNormalization: true,
  });
  const data = dataset();
  for (const args of all) {
    const fits = [
      () =>
        model.fit(x, y, {
          ...FIT,
          epochs: 2,
          callbacks: adversarialTraining(args),
        }),
      () =>
        model.fitDataset(data, {
          epochs: 2,
          verbose: 0,
          callbacks: adversarialTraining(args),
        }),
    ];
    for (const [i, fit] of fits.entries()) {
      // The first makes the optimizer's state and the models for logits.
      await fit();
      const left = await leakAsync(async () => {
        await fit();
      });
      t.is(left, 0, `${JSON.stringify(args)}, ${i ? 'fitDataset' : 'fit'}`);
    }
  }
});

test.serial('images and labels are left as they are', async t => {
  const before = [x, y].map(data => [...data.dataSync()]);
  await compiled().fit(x, y, {
    ...FIT,
    callbacks: adversarialTraining({...ARGS, mix: 'both'}),
  });
  t.deepEqual(
    [x, y].map(data => [...data.dataSync()]),
    before,
  );
});
