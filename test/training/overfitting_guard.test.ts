import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {
  adversarialTraining,
  type AdversarialTrainingArgs,
  learningRate,
  smallCnn,
} from '../../src/index.js';
import {useOnnx} from '../../src/onnx.js';
import {leakAsync} from '../helpers/memory.js';

await useOnnx({threads: 1});

const N = 128;
const SIZE = 8;
const BATCH = 64;
const EPOCHS = 24;
const classes = tf.tensor1d(
  Array.from({length: N}, (_, i) => i % 2),
  'int32',
);
/** Noise that is brighter by 0.2 in one of two classes. */
const x = tf.tidy(() =>
  tf.clipByValue(
    tf.add(
      tf.randomUniform([N, SIZE, SIZE, 3], 0.2, 0.8, 'float32', 3),
      tf.mul(0.2, tf.reshape(classes, [N, 1, 1, 1])),
    ),
    0,
    1,
  ),
) as tf.Tensor4D;
const y = tf.tidy(() => tf.oneHot(classes, 2).toFloat());

interface Epoch {
  fast: number;
  pgd: number;
  begin: Float32Array[];
  end: Float32Array[];
}

/** FGSM without noise and with a large bound, whose rate rises after 12 epochs. */
async function train(
  args: Partial<AdversarialTrainingArgs> = {},
  count = EPOCHS,
) {
  const model = smallCnn({
    ...{width: 16, classes: 2, seed: 1},
    inputShape: [SIZE, SIZE, 3],
  });
  const optimizer = tf.train.adam(0.005);
  model.compile({optimizer, loss: 'categoricalCrossentropy'});
  const epochs: Epoch[] = [];
  const weights = () =>
    model.getWeights().map(w => w.dataSync().slice() as Float32Array);
  let begin: Float32Array[] = [];
  let first = true;
  const callback = adversarialTraining({
    ...{attack: 'D(0.13)', seed: 1, crafting: {noise: 0, step: 1}},
    ...args,
  });
  const said: string[] = [];
  const {warn} = console;
  console.warn = (text: string) => void said.push(text);
  try {
    await model.fit(x, y, {
      ...{epochs: count, batchSize: BATCH, shuffle: false, verbose: 0},
      callbacks: [
        learningRate(step => (step < (12 * N) / BATCH ? 0.005 : 0.03)),
        callback,
        new tf.CustomCallback({
          onEpochBegin: async () => void (first = true),
          onBatchBegin: async () => {
            if (first) begin = weights();
            first = false;
          },
          onEpochEnd: async (_, logs = {}) => {
            const {fast_acc: fast, pgd_acc: pgd} = logs as Record<
              string,
              number
            >;
            epochs.push({fast, pgd, begin, end: weights()});
          },
        }),
      ],
    });
  } finally {
    console.warn = warn;
  }
  model.dispose();
  optimizer.dispose();
  return {epochs, said};
}

test.serial(
  'FGSM without noise overfits catastrophically, and the guard says so',
  async t => {
    const {epochs, said} = await train();
    const worst = epochs.reduce((a, b) =>
      b.fast - b.pgd > a.fast - a.pgd ? b : a,
    );
    t.true(worst.fast > 0.8 && worst.pgd < 0.3, `${worst.fast}, ${worst.pgd}`);
    t.true(said.length > 0);
    t.regex(
      said[0],
      /catastrophic overfitting in epoch \d+: accuracy is 0\.\d\d under the single step but 0\.\d\d under PGD of 10 steps\. Train again with steps: 2/,
    );
    // Not before there was something to lose.
    const epoch = Number(/epoch (\d+)/.exec(said[0])![1]);
    t.true(epoch > 3, said[0]);
    t.log(
      epochs.map(e => `${e.fast.toFixed(2)}/${e.pgd.toFixed(2)}`).join(' '),
    );
  },
);

test.serial(
  'restore goes back to the last good epoch, with more steps, and ends robust',
  async t => {
    const {epochs, said} = await train({onOverfitting: 'restore'});
    t.true(said.length > 0);
    t.regex(said[0], /goes on from the last good epoch with 2 steps/);
    const detected = new Set(
      said.map(s => Number(/epoch (\d+)/.exec(s)![1]) - 1),
    );
    const [at] = detected;
    let good = at - 1;
    while (detected.has(good)) good--;
    t.deepEqual(epochs[at + 1].begin, epochs[good].end);
    const last = epochs.at(-1)!;
    const without = (await train()).epochs.at(-1)!;
    t.log(
      epochs.map(e => `${e.fast.toFixed(2)}/${e.pgd.toFixed(2)}`).join(' '),
    );
    t.true(last.pgd > without.pgd + 0.1, `${last.pgd}, ${without.pgd}`);
  },
);

test.serial('a guard on images of its own leaks nothing', async t => {
  const [images, labels] = [tf.slice(x, 0, 32), tf.slice(y, 0, 32)];
  const guard = {images: images as tf.Tensor4D, labels, steps: 2};
  const run = () => train({onOverfitting: 'restore', guard}, 2);
  await run();
  t.is(await leakAsync(async () => void (await run())), 0);
  tf.dispose([images, labels]);
});

test('bad options of a guard are refused', t => {
  const make = (guard: object) => () =>
    adversarialTraining({attack: 'D', crafting: 'fast', guard});
  t.throws(make({images: x}), {message: /needs images and labels, or neither/});
  t.throws(make({steps: 0}), {message: /guard.steps must be a whole number/});
  t.throws(
    () =>
      adversarialTraining({
        attack: 'D',
        onOverfitting: 'stop' as 'warn',
      }),
    {message: /onOverfitting must be 'warn' or 'restore'/},
  );
});
