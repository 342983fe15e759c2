import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {attack, Delta, evaluateRobustness, strong} from '../../src/index.js';
import {missingBackend, usual} from '../helpers/backends.js';
import {leakAsync} from '../helpers/memory.js';

await missingBackend(usual);

const N = 100;
const SIZE = 4;

const images = tf.randomUniform([N, SIZE, SIZE, 1], 0.2, 0.8, 'float32', '5');
const weights = tf.randomNormal([SIZE * SIZE, 3], 0, 1, 'float32', 3);
const linear = (x: tf.Tensor) =>
  tf.matMul(tf.sub(tf.reshape(x, [-1, SIZE * SIZE]), 0.5), weights);
const labels = tf.tidy(() => tf.argMax(linear(images), 1)) as tf.Tensor1D;
const data = {images: images as tf.Tensor4D, labels};

/** Noise that differs from call to call, but not from run to run of the tests. */
function noise(shape: number[], stddev: number, next: {seed: number}) {
  return tf.randomNormal(shape, 0, stddev, 'float32', next.seed++);
}

const NOISY: Record<string, () => (x: tf.Tensor4D) => tf.Tensor> = {
  'noise in front': () => {
    const next = {seed: 1};
    return x => linear(tf.add(x, noise(x.shape, 0.1, next)));
  },
  'noise on the logits': () => {
    const next = {seed: 1};
    return x => {
      const z = linear(x);
      return tf.add(z, noise(z.shape, 0.4, next));
    };
  },
  'dropout left on': () => {
    let seed = 1;
    return x =>
      linear(tf.add(tf.dropout(tf.sub(x, 0.5), 0.4, undefined, seed++), 0.5));
  },
};

for (const [name, make] of Object.entries(NOISY)) {
  test.serial(
    `${name}: a bound of 0 leaves what a clean pass leaves`,
    async t => {
      const specs = ['None', 'D(0)', 'strong(D(0.000001))'];
      const {results, warnings, worstCase} = await evaluateRobustness(
        make(),
        data,
        {attacks: specs, steps: 20},
      );
      const [none, ...others] = results.map(({accuracy}) => accuracy);
      t.true(none > 0.6 && none < 0.98, `clean: ${none}`);
      // Two shares of 100 examples differ by 0.06 in standard deviation.
      for (const [i, accuracy] of others.entries()) {
        t.true(
          Math.abs(accuracy - none) < 0.17,
          `${specs[i + 1]}: ${accuracy}`,
        );
      }
      t.log(none, ...others, worstCase);
      t.true(Math.abs(worstCase - none) < 0.17, `worst case: ${worstCase}`);
      t.true(warnings.some(({code}) => code === 'outputs-differ'));
    },
  );
}

test.serial('perturb judges by a fresh pass, restarts or not', t => {
  for (const options of [{}, {restarts: 4, seed: 1}, {earlyStop: true}]) {
    const f = NOISY['noise in front']();
    const {success} = attack('D(0)', {steps: 20, ...options}).perturb(
      f,
      data.images,
      labels,
    );
    const fooled = success.dataSync().filter((s: number) => s).length / N;
    const wrong = tf.tidy(() =>
      tf.mean(
        tf.cast(tf.notEqual(tf.argMax(f(data.images), 1), labels), 'float32'),
      ),
    );
    const clean = wrong.dataSync()[0];
    t.true(Math.abs(fooled - clean) < 0.17, `${fooled}, not ${clean}`);
  }
});

test.serial('a strong evaluation still breaks what can be broken', async t => {
  const f = NOISY['noise in front']();
  const {results} = await evaluateRobustness(f, data, {
    attacks: ['D(0.3)', 'strong(D(0.3))', 'strong(D(0.05))'],
    eotSamples: 2,
    steps: 30,
    learningRate: 0.02,
  });
  const [plain, all, small] = results;
  t.true(all.accuracy <= plain.accuracy + 0.02);
  t.true(all.accuracy < 0.03);
  t.true(small.accuracy > 0.2);
  const broken = small.searches!.reduce((sum, s) => sum + s.broken, 0);
  t.is(broken, N - small.correct.split('1').length + 1);
  t.is(small.searches![0].examples, N);
});

test.serial('images, interruption and leaks', async t => {
  const f = NOISY['noise in front']();
  const few = {
    images: tf.slice(data.images, 0, 6) as tf.Tensor4D,
    labels: tf.slice(labels, 0, 6) as tf.Tensor1D,
  };
  const l2 = strong(new Delta({norm: 'l2', epsilon: 0.3}), {eotSamples: 3});
  t.is(
    await leakAsync(async () => {
      await evaluateRobustness(f, few, {attacks: [l2], batchSize: 4});
    }),
    0,
  );
  const controller = new AbortController();
  controller.abort();
  const report = await evaluateRobustness(f, few, {
    attacks: [l2],
    signal: controller.signal,
  });
  t.deepEqual(report.unfinished, [l2.name]);
  t.true(Number.isNaN(report.worstCase));
  t.throws(() => strong('D', {eotSamples: 0}), {
    message: /eotSamples must be a whole number of at least 1, but is 0/,
  });
});
