import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {
  klDivergence,
  type LossArgs,
  losses,
  margin,
  succeeded,
  withstands,
} from '../../src/attacks/losses.js';
import {attack, evaluateRobustness} from '../../src/index.js';
import {missingBackend, usual} from '../helpers/backends.js';
import {gradientError, weighted} from '../helpers/finite_differences.js';
import {toyImages} from '../helpers/toy.js';

await missingBackend(usual);

const values = (t: tf.Tensor) => [...t.dataSync()];
const close = (got: tf.Tensor, wanted: ArrayLike<number>, tolerance = 1e-6) =>
  got.size === wanted.length &&
  got.dataSync().every((v, i) => Math.abs(v - wanted[i]) <= tolerance);
const logitsOf = (rows: number[][]) => tf.tensor2d(rows);
const oneHot = (labels: number[], classes: number) =>
  tf.oneHot(tf.tensor1d(labels, 'int32'), classes).toFloat() as tf.Tensor2D;
const args = (given: Partial<LossArgs>): LossArgs => ({
  logits: tf.zeros([1, 3]),
  labels: oneHot([0], 3),
  cleanLogits: null,
  targeted: false,
  confidence: Infinity,
  ...given,
});

test.serial('the margin is to the largest other logit', t => {
  const z = logitsOf([
    [3, 1, 2],
    [3, 1, 2],
    [1e4, -1e4, 0],
    [3e9, 1e9, 2e9],
    [1e-9, 3e-9, 2e-9],
  ]);
  t.true(
    close(
      margin(z, oneHot([0, 1, 1, 0, 0], 3)),
      [1, -2, -2e4, 1e9, -2e-9],
      1e-12,
    ),
  );
});

test.serial('the sign of the margin is what argMax says', t => {
  const {NaN: nan, POSITIVE_INFINITY: inf} = {
    NaN,
    POSITIVE_INFINITY: Infinity,
  };
  const rows = [
    [0, 0, 0],
    [-5, -6, -5],
    [1, 7, 7],
    [7, 1, 7],
    [inf, inf, 0],
    [-inf, -inf, -inf],
    [-inf, 2, -inf],
    [3, -inf, 5],
    [-inf, 1, 1],
    [2, inf, 1],
  ];
  for (let label = 0; label < 3; label++) {
    const z = logitsOf(rows);
    const labels = oneHot(new Array<number>(rows.length).fill(label), 3);
    const m = margin(z, labels);
    const chosen = values(tf.argMax(z, 1));
    values(m).forEach((v, i) => {
      t.false(Number.isNaN(v));
      t.not(v, 0);
      t.is(withstands(v), chosen[i] === label, `${rows[i]}, label ${label}`);
      t.is(withstands(-v), chosen[i] !== label, `${rows[i]}, targeted`);
    });
    t.deepEqual(
      values(succeeded(m)),
      chosen.map(c => Number(c !== label)),
    );
  }
  const broken = margin(logitsOf([[nan, 1, 2]]), oneHot([0], 3));
  t.false(withstands(values(broken)[0]));
  t.deepEqual(values(succeeded(broken)), [1]);
});

test.serial(
  'a classifier of equal logits is right as often as argMax',
  async t => {
    const images = toyImages(12);
    const labels = tf.tensor1d(
      Array.from({length: 12}, (_, i) => i % 4),
      'int32',
    );
    const dead = (x: tf.Tensor4D) =>
      tf.matMul(tf.reshape(x, [x.shape[0], -1]), tf.zeros([108, 4]));
    const {results} = await evaluateRobustness(
      dead,
      {images, labels},
      {attacks: ['None', 'D', 'strong(D)'], steps: 2},
    );
    for (const {attack, accuracy} of results) t.is(accuracy, 0.25, attack);
    // A target is reached exactly where argMax picks it.
    const {success} = attack('D', {steps: 2, targeted: true}).perturb(
      dead,
      images,
      labels,
    );
    t.deepEqual(
      values(success),
      values(labels).map(l => Number(l === 0)),
    );
  },
);

test.serial('classes that −Infinity rules out do no harm', t => {
  const images = tf.fill([2, 4, 4, 1], 0.5) as tf.Tensor4D;
  const labels = tf.zeros([2], 'int32') as tf.Tensor1D;
  const classifier = (x: tf.Tensor4D) => {
    const z = tf.mul(tf.sub(tf.mean(x, [1, 2]), 0.4), 50);
    const out = tf.fill(z.shape, -Infinity);
    return tf.concat([z, tf.neg(z), out, out], 1);
  };
  for (const loss of ['margin', 'crossEntropy', 'dlr', 'kl'] as const) {
    for (const [bound, wanted] of [
      [0.01, 9],
      [0.2, -10],
    ]) {
      const found = attack(`D(${bound})`, {
        optimizer: 'apgd',
        loss,
        seed: 1,
      }).perturb(classifier, images, labels);
      const margins = values(found.margin);
      if (loss === 'dlr') {
        // Its denominator is infinite: no slope, but no harm either.
        t.true(
          margins.every(m => m <= 10 + 1e-4),
          `${margins}`,
        );
      } else {
        t.true(
          close(found.margin, [wanted, wanted], 1e-3),
          `${loss} ${margins}`,
        );
      }
    }
  }
});

test.serial('losses: what an attack minimizes', t => {
  const z = logitsOf([[2, 0, -1]]);
  const cleanLogits = logitsOf([[0, 1, 0]]);
  const of = (name: keyof typeof losses, given: Partial<LossArgs> = {}) =>
    losses[name](args({logits: z, cleanLogits, ...given}));
  const p = [2, 0, -1].map(v => Math.exp(v));
  const total = p.reduce((a, b) => a + b, 0);
  t.true(close(of('margin'), [2]));
  t.true(close(of('margin', {targeted: true}), [-2]));
  t.true(close(of('margin', {targets: oneHot([2], 3)}), [3]));
  t.true(close(of('margin', {confidence: 0, targeted: true}), [0]));
  t.true(close(of('margin', {confidence: 1, targeted: true}), [-1]));
  t.true(close(of('crossEntropy'), [Math.log(p[0] / total)]));
  t.true(
    close(of('crossEntropy', {targeted: true}), [-Math.log(p[0] / total)]),
  );
  const q = [1, Math.E, 1].map(v => v / (2 + Math.E));
  const kl = q.reduce((sum, v, i) => sum + v * Math.log((v * total) / p[i]), 0);
  t.true(close(of('kl'), [-kl]));
  t.true(close(klDivergence(z, z), [0], 1e-7));
});

test.serial('DLR: equations 6 and 7', t => {
  const z = [5, 1, 4, 2, -3];
  const dlr = (label: number, given: Partial<LossArgs> = {}) =>
    losses.dlr(
      args({logits: logitsOf([z]), labels: oneHot([label], 5), ...given}),
    );
  // Sorted: 5, 4, 2, 1, −3.
  t.true(close(dlr(0), [(5 - 4) / (5 - 2)]));
  t.true(close(dlr(3), [(2 - 5) / (5 - 2)]));
  t.true(
    close(dlr(0, {targets: oneHot([4], 5)}), [(5 + 3) / (5 - (2 + 1) / 2)]),
  );
  t.true(
    close(dlr(2, {targets: oneHot([0], 5)}), [(4 - 5) / (5 - (2 + 1) / 2)]),
  );
  // Labels that are targets: against the largest other logit.
  t.true(close(dlr(4, {targeted: true}), [(5 + 3) / (5 - (2 + 1) / 2)]));
  t.true(close(dlr(0, {targeted: true}), [(4 - 5) / (5 - (2 + 1) / 2)]));
});

test.serial('DLR does not change with scale or shift of the logits', t => {
  const z = tf.randomNormal([6, 7], 0, 1, 'float32', 2) as tf.Tensor2D;
  const labels = oneHot([0, 1, 2, 3, 4, 5], 7);
  const targets = oneHot([1, 2, 3, 4, 5, 6], 7);
  for (const given of [{}, {targets}, {targeted: true}]) {
    const of = (logits: tf.Tensor) =>
      losses.dlr(args({logits: logits as tf.Tensor2D, labels, ...given}));
    const wanted = values(of(z));
    t.true(close(of(tf.mul(z, 1e9)), wanted, 1e-5));
    t.true(close(of(tf.mul(z, 1e-3)), wanted, 1e-5));
    t.true(close(of(tf.add(z, 3)), wanted, 1e-5));
  }
});

test.serial('DLR: gradients', t => {
  const z = tf.randomUniform([6, 7], -2, 2, 'float32', '2') as tf.Tensor2D;
  const labels = oneHot([0, 1, 2, 3, 4, 5], 7);
  const targets = oneHot([1, 2, 3, 4, 5, 6], 7);
  for (const given of [{}, {targets}, {targeted: true}]) {
    const error = gradientError(
      x =>
        weighted(
          losses.dlr(args({logits: x as tf.Tensor2D, labels, ...given})),
        ),
      z,
    );
    t.true(error < 1e-2, `${JSON.stringify(given)}: ${error}`);
  }
});

test.serial('DLR of too few classes is refused', t => {
  const two = (x: tf.Tensor4D) => {
    const z = tf.mean(x, [1, 2]);
    return tf.slice(z, [0, 0], [-1, 2]);
  };
  const three = (x: tf.Tensor4D) => tf.mean(x, [1, 2]);
  const images = toyImages(2);
  const labels = tf.tensor1d([0, 1], 'int32');
  const options = {loss: 'dlr', steps: 2} as const;
  t.throws(() => attack('D', options).perturb(two, images, labels), {
    message: /the 3 largest logits, but the classifier has 2 classes/,
  });
  t.throws(
    () =>
      attack('D', {...options, targeted: true}).perturb(three, images, labels),
    {message: /the 4 largest logits when it has a target.*has 3 classes/},
  );
  t.notThrows(() => attack('D', options).perturb(three, images, labels));
});

test.serial('losses of extreme logits are numbers', t => {
  const z = logitsOf([[1e4, -1e4, 0, 5]]);
  for (const labels of [oneHot([0], 4), oneHot([1], 4)]) {
    for (const [name, loss] of Object.entries(losses)) {
      const of = (z: tf.Tensor) =>
        tf.sum(
          loss(
            args({
              logits: z as tf.Tensor2D,
              labels,
              cleanLogits: logitsOf([[-1e4, 1e4, 0, 5]]),
            }),
          ),
        ) as tf.Scalar;
      t.true(Number.isFinite(of(z).dataSync()[0]), name);
      t.true(values(tf.grad(of)(z)).every(Number.isFinite), name);
    }
  }
});

test.serial('a custom loss that is none is refused', t => {
  const images = toyImages(2);
  const labels = tf.tensor1d([0, 1], 'int32');
  const classifier = (x: tf.Tensor4D) => tf.mean(x, [1, 2]);
  for (const [loss, message] of [
    [() => tf.scalar(1), /one number per example, \[2\], .* the shape \[\]/],
    [(z: tf.Tensor) => z, /the shape \[2,3\]/],
    [() => 1, /but returned number/],
    [async () => tf.zeros([2]), /but returned a promise/],
  ] as Array<[never, RegExp]>) {
    t.throws(
      () => attack('D', {loss, steps: 1}).perturb(classifier, images, labels),
      {message},
    );
  }
});
