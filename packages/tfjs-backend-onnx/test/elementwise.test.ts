import test from 'ava';
import * as tf from '@tensorflow/tfjs';
import {onGpu, same, withGradients} from './helpers/both.js';

const {NaN: nan, POSITIVE_INFINITY: inf} = Number;
const corners = [-inf, -3.5, -1, -0.5, 0, 0.25, 0.5, 1, 2.5, 100, inf, nan];
const unit = [-0.9, -0.25, -1e-4, 1e-4, 0.3, 0.99];
const positive = [1e-3, 0.5, 1, 2, 50];

type Unary = (x: tf.Tensor) => tf.Tensor;

/** Ops with the values they are tried at, gradients included. */
const unary: Record<string, [Unary, number[]]> = {
  abs: [tf.abs, [-2, -0.5, 0.5, 3]],
  acos: [tf.acos, unit],
  acosh: [tf.acosh, [1.1, 2, 30]],
  asin: [tf.asin, unit],
  asinh: [tf.asinh, unit],
  atan: [tf.atan, [-5, ...unit, 9]],
  atanh: [tf.atanh, unit],
  ceil: [tf.ceil, unit],
  cos: [tf.cos, unit],
  cosh: [tf.cosh, unit],
  elu: [tf.elu, [-3, ...unit, 4]],
  erf: [tf.erf, [-3, ...unit, 2]],
  exp: [tf.exp, [-9, ...unit, 3]],
  expm1: [tf.expm1, [-9, -1e-6, 0, ...unit, 3]],
  floor: [tf.floor, [-1.5, ...unit, 7.9]],
  leakyRelu: [x => tf.leakyRelu(x, 0.3), unit],
  log: [tf.log, positive],
  log1p: [tf.log1p, [-0.5, -1e-6, 0, ...positive]],
  logSigmoid: [tf.logSigmoid, [-4, ...unit, 8]],
  neg: [tf.neg, unit],
  reciprocal: [tf.reciprocal, positive],
  relu: [tf.relu, unit],
  relu6: [tf.relu6, [-1, ...unit, 4, 8]],
  round: [tf.round, [-2.5, -0.4, 0.5, 1.5, 2.5, 2.6]],
  rsqrt: [tf.rsqrt, positive],
  selu: [tf.selu, [-4, ...unit, 5]],
  sigmoid: [tf.sigmoid, [-30, ...unit, 30]],
  sign: [tf.sign, unit],
  sin: [tf.sin, unit],
  sinh: [tf.sinh, unit],
  softplus: [tf.softplus, [-20, ...unit, 20]],
  sqrt: [tf.sqrt, positive],
  square: [tf.square, unit],
  step: [x => tf.step(x), unit],
  stepAlpha: [x => tf.step(x, 0.2), unit],
  tan: [tf.tan, unit],
  tanh: [tf.tanh, [-9, ...unit, 9]],
  clip: [x => tf.clipByValue(x, -0.5, 0.5), unit],
};

for (const [name, [f, values]] of Object.entries(unary)) {
  test.serial(`${name}: values and gradient`, async t => {
    await same(
      t,
      () => withGradients(f, [tf.tensor1d(values)]),
      onGpu && /^(a?cos|sin|tan)$/.test(name) ? 5e-4 : 2e-6,
    );
  });
}

for (const name of [
  'relu',
  'abs',
  'sign',
  'step',
  'clip',
  'relu6',
  'exp',
  'floor',
  'sqrt',
  'sigmoid',
  'tanh',
  'neg',
]) {
  test.serial(`${name}: infinities and NaN`, async t => {
    const f = unary[name][0];
    const values = onGpu ? corners.filter(v => !Number.isNaN(v)) : corners;
    await same(t, () => f(tf.tensor1d(values)));
  });
}

test.serial('isNaN, isInf, isFinite', async t => {
  await same(t, () => {
    const x = tf.tensor1d(corners);
    return [tf.isNaN(x), tf.isInf(x), tf.isFinite(x)];
  });
});

test.serial('whole numbers keep their dtype', async t => {
  await same(t, () => {
    const x = tf.tensor1d([-3, 0, 2], 'int32');
    return [
      tf.abs(x),
      tf.neg(x),
      tf.relu(x),
      tf.square(x),
      tf.sign(x),
      tf.clipByValue(x, -1, 1),
    ];
  });
});

type Binary = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;
const binary: Record<string, Binary> = {
  add: tf.add,
  sub: tf.sub,
  mul: tf.mul,
  div: tf.div,
  maximum: tf.maximum,
  minimum: tf.minimum,
  squaredDifference: tf.squaredDifference,
  atan2: tf.atan2,
  mod: tf.mod,
  pow: (a, b) => tf.pow(tf.abs(a), b),
};
const shapes: [number[], number[]][] = [
  [
    [2, 3],
    [2, 3],
  ],
  [[2, 3], []],
  [[], [3]],
  [
    [2, 1, 3],
    [4, 1],
  ],
];

for (const [name, f] of Object.entries(binary)) {
  test.serial(`${name}: broadcasting and gradients`, async t => {
    for (const [a, b] of shapes) {
      // tfjs cannot differentiate these three where they broadcast.
      const onlySame = ['maximum', 'minimum', 'squaredDifference'];
      if (onlySame.includes(name) && a.join() !== b.join()) {
        await same(t, () =>
          f(
            tf.randomUniform(a, -2, 2, 'float32', 1),
            tf.randomUniform(b, 0.5, 2, 'float32', 2),
          ),
        );
        continue;
      }
      await same(t, () =>
        withGradients(f as never, [
          tf.randomUniform(a, -2, 2, 'float32', 1),
          tf.randomUniform(b, 0.5, 2, 'float32', 2),
        ]),
      );
    }
  });
}

test.serial('maximum and minimum with NaN', async t => {
  await same(t, () => {
    const x = tf.tensor1d(corners);
    return [tf.maximum(x, 1), tf.minimum(x, 1), tf.mul(x, 0), tf.add(x, 0)];
  });
});

test.serial('division of whole numbers', async t => {
  await same(t, () => {
    const a = tf.tensor1d([7, -7, 7, -7, 0, 5, 16777217], 'int32');
    const b = tf.tensor1d([2, 2, -2, -2, 3, 0, 1], 'int32');
    return [
      tf.floorDiv(a, b),
      tf.div(a, b),
      tf.mod(a, b),
      tf.add(a, b),
      tf.mul(a, b),
      tf.maximum(a, b),
    ];
  });
  await same(t, () => {
    const a = tf.tensor1d([7, -7, 7, -7.5, 0]);
    const b = tf.tensor1d([2, 2, -2, -2, 3]);
    return [tf.floorDiv(a, b), tf.mod(a, b)];
  });
});

test.serial('comparisons and logic', async t => {
  await same(t, () => {
    const a = tf.tensor1d([1, 2, 3, nan]);
    const b = tf.tensor1d([2, 2, 2, nan]);
    const p = tf.tensor1d([1, 0, 1, 0], 'bool');
    const q = tf.tensor1d([1, 1, 0, 0], 'bool');
    return [
      ...[
        tf.greater,
        tf.greaterEqual,
        tf.less,
        tf.lessEqual,
        tf.equal,
        tf.notEqual,
      ].map(f => f(a, b)),
      ...[tf.logicalAnd, tf.logicalOr, tf.logicalXor].map(f => f(p, q)),
      tf.logicalNot(p),
      tf.equal(p, q),
      tf.greater(p, q),
      tf.where(p, a, b),
    ];
  });
});

test.serial('where, prelu, addN, gradients included', async t => {
  const x = () => tf.randomUniform([2, 3], -1, 1, 'float32', 3);
  const y = () => tf.randomUniform([2, 3], -1, 1, 'float32', 4);
  await same(t, () =>
    withGradients((a, b) => tf.where(tf.greater(x(), 0), a, b), [x(), y()]),
  );
  await same(t, () => withGradients(tf.prelu, [x(), y()]));
  await same(t, () => tf.addN([x(), y(), x()]));
});

test.serial('softmax, logSoftmax and losses', async t => {
  const logits = () => tf.randomUniform([4, 5], -3, 3, 'float32', 5);
  await same(t, () => withGradients(x => tf.softmax(x), [logits()]));
  await same(t, () => withGradients(x => tf.logSoftmax(x), [logits()]));
  await same(t, () => withGradients(x => tf.logSumExp(x, 1), [logits()]));
  await same(t, () =>
    withGradients(
      x => tf.losses.softmaxCrossEntropy(tf.oneHot([0, 1, 2, 3], 5), x),
      [logits()],
    ),
  );
  await same(t, () =>
    withGradients(x => tf.losses.huberLoss(tf.zeros([4, 5]), x), [logits()]),
  );
});

test.serial('casts', async t => {
  await same(t, () => {
    const f = tf.tensor1d([-1.7, -0.2, 0, 0.9, 2.5]);
    const i = tf.tensor1d([-2, 0, 3], 'int32');
    return [
      f.toInt(),
      f.toBool(),
      i.toFloat(),
      i.toBool(),
      i.toBool().toFloat(),
      f.toBool().toInt(),
    ];
  });
});
