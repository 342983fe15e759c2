import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {adversarialTraining, weightAverage} from '../../src/index.js';
import {leakAsync} from '../helpers/memory.js';
import {
  BATCH,
  batchesOf,
  compiled,
  dataset,
  FIT,
  N,
  weightsOf,
  x,
  y,
} from '../helpers/training.js';

const DECAY = 0.6;
const BATCHES = N / BATCH;

/** The average, and the weights in training, after so many epochs without the callback. */
async function byHand(model: tf.LayersModel, epochs: number) {
  let average = weightsOf(model);
  const averages: number[][][] = [];
  let n = 0;
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const [images, labels] of batchesOf(y)) {
      await model.trainOnBatch(images, labels);
      const decay = Math.min(DECAY, (1 + n) / (10 + n));
      n++;
      const now = weightsOf(model);
      average = average.map((w, i) =>
        w.map((v, k) => decay * v + (1 - decay) * now[i][k]),
      );
    }
    averages.push(average);
  }
  return {averages, trained: weightsOf(model)};
}

function close(a: number[][], b: number[][]): boolean {
  return a.every((w, i) => w.every((v, k) => Math.abs(v - b[i][k]) < 1e-5));
}

const OPTIONS = {seed: 4, batchNormalization: true};

test.serial(
  'the model holds the average at epoch ends and afterwards, batch normalization included, and trains as without it',
  async t => {
    const model = compiled(OPTIONS);
    const plain = compiled(OPTIONS);
    const expected = await byHand(plain, 2);
    const average = weightAverage({decay: DECAY});
    const seen: number[][][] = [];
    let trained: number[][] = [];
    await model.fit(x, y, {
      ...FIT,
      epochs: 2,
      callbacks: [
        // Before ours, and yet it sees the average.
        new tf.CustomCallback({
          onEpochEnd: () => {
            seen.push(weightsOf(model));
          },
        }),
        average,
        new tf.CustomCallback({
          onEpochEnd: () => {
            const weights = average.trainedWeights();
            trained = weights.map(w => [...w.dataSync()]);
            tf.dispose(weights);
          },
        }),
      ],
    });
    t.is(seen.length, 2);
    t.true(close(seen[0], expected.averages[0]));
    t.true(close(seen[1], expected.averages[1]));
    t.true(close(weightsOf(model), expected.averages[1]));
    t.deepEqual(trained, expected.trained);
    t.false(close(trained, weightsOf(model)));
  },
);

test.serial('fitDataset validates with the average', async t => {
  const model = compiled(OPTIONS);
  const {history} = await model.fitDataset(sized(dataset()), {
    epochs: 1,
    verbose: 0,
    validationData: [x, y],
    callbacks: weightAverage({decay: DECAY}),
  });
  const [loss] = model.evaluate(x, y) as tf.Scalar[];
  t.true(Math.abs((history.val_loss[0] as number) - loss.dataSync()[0]) < 1e-5);
});

/** tfjs does not know the size of zipped sets. */
function sized<T extends tf.TensorContainer>(set: tf.data.Dataset<T>) {
  return Object.assign(set, {size: BATCHES});
}

test.serial('a run in two parts, with state() between, is one run', async t => {
  const [whole, parted] = [compiled(OPTIONS), compiled(OPTIONS)];
  await whole.fit(x, y, {
    ...FIT,
    epochs: 2,
    callbacks: weightAverage({decay: DECAY}),
  });
  const first = weightAverage({decay: DECAY});
  let state: ReturnType<typeof first.state>;
  let trained: tf.Tensor[] = [];
  await parted.fit(x, y, {
    ...FIT,
    callbacks: [
      first,
      new tf.CustomCallback({
        onEpochEnd: () => {
          state = first.state();
          trained = first.trainedWeights();
        },
      }),
    ],
  });
  t.is(state!.updates, BATCHES);
  parted.setWeights(trained);
  const second = weightAverage({decay: DECAY, initial: state!});
  await parted.fit(x, y, {...FIT, callbacks: second});
  t.deepEqual(weightsOf(parted), weightsOf(whole));
  tf.dispose([state!.weights, trained]);
});

test.serial(
  'it goes with an attack, and nothing leaks, nor after an error',
  async t => {
    const model = compiled(OPTIONS);
    const average = weightAverage();
    const fit = (error?: string) =>
      model.fit(x, y, {
        ...FIT,
        callbacks: [
          average,
          adversarialTraining({attack: 'D', steps: 1}),
          new tf.CustomCallback({
            onBatchEnd: batch => {
              if (error && batch === 1) throw new Error(error);
            },
          }),
        ],
      });
    await fit();
    t.is(
      await leakAsync(async () => {
        await fit();
      }),
      0,
    );
    await t.throwsAsync(fit('on purpose'), {message: 'on purpose'});
    // The next fit clears up.
    const before = tf.memory().numTensors;
    await fit();
    t.true(tf.memory().numTensors < before);
  },
);

test.serial('misuse is refused', async t => {
  for (const decay of [-0.1, 1, NaN]) {
    t.throws(() => weightAverage({decay}), {message: /decay must be/});
  }
  const initial = {weights: [tf.zeros([2])], updates: 0};
  await t.throwsAsync(
    compiled().fit(x, y, {...FIT, callbacks: weightAverage({initial})}),
    {message: /shapes of the model's/},
  );
  await t.throwsAsync(
    compiled().fit(x, y, {...FIT, callbacks: [{}, weightAverage()] as never}),
    {message: /must not come after a plain object/},
  );
});
