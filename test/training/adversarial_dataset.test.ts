import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {attack} from '../../src/attacks/attack.js';
import {adversarialDataset} from '../../src/training/adversarial_dataset.js';
import type {AdversarialDatasetArgs} from '../../src/training/adversarial_map.js';
import {logits} from '../../src/models/logits.js';
import {adversarialTraining} from '../../src/callbacks/adversarial_training.js';
import {missingBackend, usual} from '../helpers/backends.js';
import {leakAsync} from '../helpers/memory.js';
import {small} from '../helpers/toy.js';
import {
  batchesOf,
  classes,
  compiled,
  dataset,
  FIT,
  N,
  BATCH,
  trainByHand,
  weightsOf,
  x,
  y,
} from '../helpers/training.js';

await missingBackend(usual);

const OPTIONS = {steps: 2, learningRate: 0.02};
const ARGS: AdversarialDatasetArgs = {attack: 'D', ...OPTIONS};
type Batch = {xs: tf.Tensor4D; ys: tf.Tensor2D};

async function* iterate(data: tf.data.Dataset<tf.TensorContainer>) {
  const iterator = await data.iterator();
  for (;;) {
    const {value, done} = await iterator.next();
    if (done) return;
    yield value as unknown as Batch;
  }
}

test.serial(
  'batches are attacked against the weights of the moment',
  async t => {
    const model = compiled();
    const batches = batchesOf(y) as Array<[tf.Tensor4D, tf.Tensor2D]>;
    let i = 0;
    for await (const {xs, ys} of iterate(
      adversarialDataset(dataset(), model, ARGS),
    )) {
      const [images, labels] = batches[i++];
      const {adversarial} = attack('D', OPTIONS).perturb(model, images, labels);
      t.deepEqual(xs.dataSync(), adversarial.dataSync());
      t.notDeepEqual(xs.dataSync(), images.dataSync());
      t.deepEqual(ys.dataSync(), labels.dataSync());
      // The next batch is made against another model.
      model.setWeights(model.getWeights().map(w => tf.neg(w)));
    }
    t.is(i, N / BATCH);
  },
);

test.serial(
  'fitDataset trains on them as by hand, with fresh weights each step',
  async t => {
    for (const [labels, loss] of [
      [y, 'categoricalCrossentropy'],
      [tf.reshape(classes, [-1, 1]), 'sparseCategoricalCrossentropy'],
    ] as const) {
      const model = compiled({loss});
      await model.fitDataset(adversarialDataset(dataset(labels), model, ARGS), {
        epochs: 2,
        verbose: 0,
      });
      const byHand = compiled({loss});
      await trainByHand(byHand, labels, 'D', OPTIONS, {epochs: 2});
      t.deepEqual(weightsOf(model), weightsOf(byHand));
    }
  },
);

test.serial('nothing leaks', async t => {
  const model = compiled();
  const source = dataset();
  for (const args of [ARGS, {attack: small('C+S'), steps: 1, restarts: 2}]) {
    const data = adversarialDataset(source, model, args);
    const pass = async () => {
      for await (const {xs, ys} of iterate(data)) tf.dispose([xs, ys]);
    };
    await pass();
    t.is(await leakAsync(pass), 0);
    await model.fitDataset(data, {epochs: 1, verbose: 0});
    const left = await leakAsync(async () => {
      await model.fitDataset(data, {epochs: 1, verbose: 0});
    });
    t.is(left, 0);
  }
});

test.serial('by default steps are those of adversarialTraining', async t => {
  const model = compiled();
  const callback = adversarialTraining({attack: 'D'});
  const {history} = await model.fit(x, y, {...FIT, callbacks: callback});
  const again = compiled();
  await again.fitDataset(adversarialDataset(dataset(), again, {attack: 'D'}), {
    epochs: 1,
    verbose: 0,
  });
  t.deepEqual(weightsOf(again), weightsOf(model));
  // They reach the bound.
  t.true((history.size_D[0] as number) > 0.03);
});

test.serial(
  'it goes with other transforms and with functions to logits',
  async t => {
    const model = compiled();
    const data = adversarialDataset(
      dataset().take(1),
      images => logits(model, images),
      ARGS,
    ).map(batch => {
      const {xs, ys} = batch as unknown as Batch;
      return {xs: tf.image.flipLeftRight(xs), ys};
    });
    const [images, labels] = batchesOf(y)[0] as [tf.Tensor4D, tf.Tensor2D];
    const {adversarial} = attack('D', OPTIONS).perturb(model, images, labels);
    const wanted = tf.image.flipLeftRight(adversarial).dataSync();
    for await (const {xs} of iterate(data)) t.deepEqual(xs.dataSync(), wanted);
  },
);

test.serial('it has the size of what it is made from', async t => {
  t.is(adversarialDataset(dataset(), compiled(), ARGS).size, dataset().size);
});

const BAD: Array<[what: string, batch: () => tf.TensorContainer, RegExp]> = [
  ['a list of one', () => [x.clone()], /form \{xs: images, ys: labels\}/],
  ['images alone', () => ({xs: x.clone()}), /form \{xs: images, ys: labels\}/],
  [
    'other names',
    () => ({images: x.clone(), labels: y.clone()}),
    /form \{xs: images, ys: labels\}/,
  ],
  [
    'pixels in 0 … 255',
    () => ({xs: tf.mul(x, 255), ys: y.clone()}),
    /Divide pixels/,
  ],
  [
    'labels of another number',
    () => ({xs: x.clone(), ys: tf.zeros([5])}),
    /Labels must have the shape/,
  ],
  [
    'single examples',
    () => ({xs: tf.zeros([6, 6, 3]), ys: tf.zeros([3])}),
    /Images must have the shape \[N, H, W, C\]/,
  ],
];

for (const [what, batch, message] of BAD) {
  test.serial(`batches that are ${what} are refused`, async t => {
    const data = tf.data.generator(function* () {
      yield batch() as never;
    }) as unknown as tf.data.Dataset<tf.TensorContainer>;
    const robust = adversarialDataset(data, compiled(), ARGS);
    const iterator = await robust.iterator();
    await t.throwsAsync(iterator.next(), {message});
  });
}

test('bad options are refused at once', t => {
  const make = (args: object) => () =>
    adversarialDataset(dataset(), compiled(), args as AdversarialDatasetArgs);
  t.throws(make({attack: 'X'}), {message: /not a term/});
  t.throws(make({}), {message: /threat model/});
  t.throws(make({attack: 'D', step: 1}), {message: /no attack option/});
  t.throws(make({attack: 'D', mix: 2}), {message: /mix must be/});
  t.throws(make({attack: 'D', crafting: 'quick'}), {
    message: /crafting must be/,
  });
});

const FORMS: Record<string, unknown> = {
  'plain arrays': {xs: [[[[0.5]]]], ys: [0]},
  'features by name': {xs: {input: tf.zeros([1, 1, 1, 1])}, ys: tf.zeros([1])},
  'no labels': {xs: tf.zeros([1, 1, 1, 1])},
  'a tensor': tf.zeros([1, 1, 1, 1]),
};

for (const [name, batch] of Object.entries(FORMS)) {
  test.serial(`${name} in place of a batch: one sentence`, async t => {
    const data = tf.data.array([batch as tf.TensorContainer]);
    await t.throwsAsync(
      (await adversarialDataset(data, compiled(), ARGS).iterator()).next(),
      {message: /needs batches of the form \{xs: images, ys: labels\}/},
    );
  });
}

test.serial('a batch that cannot be attacked leaves no tensors', async t => {
  const model = compiled();
  const outOfRange = dataset().map(batch => {
    const {xs, ys} = batch as unknown as Batch;
    return {xs: tf.mul(xs, 255), ys};
  });
  for (const crafting of ['pgd', 'fast'] as const) {
    const leaked = await leakAsync(async () => {
      const iterator = await adversarialDataset(outOfRange, model, {
        attack: 'D',
        crafting,
      }).iterator();
      await t.throwsAsync(iterator.next(), {message: /in \[0, 1\]/});
    });
    t.is(leaked, 0);
  }
});
