import * as tf from '@tensorflow/tfjs';
import test, {type ExecutionContext} from 'ava';
import {on} from './helpers/both.js';

/*
 * Numbers that are no ordinary numbers, at every place of a list: vector
 * instructions treat the last few elements, and NaN, otherwise than the rest.
 */

const SPECIAL = [
  ...[NaN, Infinity, -Infinity, 0, -0, 1e-38, 3e38, -3e38],
  ...[0.5, -0.5, 1, -1, 2.5, -2.5, 1.5, 20, -20, 88.5, -104, 1e-5, -1e10],
  16777217,
];
/** Each at each residue of 16. */
const LIST = Array.from({length: 17}, () => [...SPECIAL, 1]).flat();
const PAIRS = SPECIAL.flatMap(a => SPECIAL.map(b => [a, b]));

async function compare(
  t: ExecutionContext,
  f: () => tf.Tensor,
  except: (i: number) => boolean = () => false,
) {
  const [expected] = await on('cpu', f);
  const [actual] = await on('onnx', f);
  t.is(actual.dtype, expected.dtype);
  t.deepEqual(actual.shape, expected.shape);
  const wrong = expected.values.flatMap((want, i) => {
    const have = actual.values[i];
    const near =
      Object.is(have, want) ||
      have === want ||
      Math.abs(have - want) <= 1e-5 * Math.max(1, Math.abs(want));
    return near || except(i) ? [] : [{i, want, have}];
  });
  t.deepEqual(wrong, []);
}

type Unary = (x: tf.Tensor) => tf.Tensor;

for (const f of [
  ...[tf.abs, tf.acos, tf.acosh, tf.asin, tf.asinh, tf.atan, tf.atanh],
  ...[tf.ceil, tf.cos, tf.cosh, tf.elu, tf.erf, tf.exp, tf.expm1, tf.floor],
  ...[tf.isFinite, tf.isInf, tf.isNaN, tf.leakyRelu, tf.log, tf.log1p],
  ...[tf.logSigmoid, tf.neg, tf.reciprocal, tf.relu, tf.relu6, tf.round],
  ...[tf.rsqrt, tf.selu, tf.sigmoid, tf.sign, tf.sin, tf.sinh, tf.softplus],
  ...[tf.sqrt, tf.square, tf.step, tf.tan, tf.tanh],
] as Unary[]) {
  const name = f.name.replace(/_*op$/, '');
  test.serial(`${name} of special numbers`, t =>
    compare(t, () => f(tf.tensor1d(LIST))),
  );
}

for (const f of [tf.relu, tf.round, tf.expm1, tf.log1p, tf.selu, tf.sign]) {
  const name = f.name.replace(/_*op$/, '');
  test.serial(`${name} of whole numbers`, t =>
    compare(t, () => (f as Unary)(tf.tensor1d([0, 1, 2, 3, 5, 7], 'int32'))),
  );
}

test.serial('large whole numbers keep their last digit', async t => {
  const numbers = [16777217, -16777217, 2147483647, 0, 7];
  const [relu, round] = await on('onnx', () => {
    const x = tf.tensor1d(numbers, 'int32');
    return [tf.relu(x), tf.round(x)];
  });
  t.deepEqual(relu.values, [16777217, 0, 2147483647, 0, 7]);
  t.deepEqual(round.values, numbers);
});

type Binary = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;

for (const f of [
  ...[tf.add, tf.sub, tf.mul, tf.div, tf.divNoNan, tf.maximum, tf.minimum],
  ...[tf.squaredDifference, tf.atan2, tf.equal, tf.notEqual, tf.less],
  ...[tf.lessEqual, tf.greater, tf.greaterEqual, tf.prelu, tf.pow, tf.mod],
] as Binary[]) {
  const name = f.name.replace(/_*op$/, '');
  // To the power of what is not a finite number, 1 is 1 in C, NaN in JavaScript;
  // and doubles tell apart remainders that float32 does not.
  const except = (i: number) => {
    const [a, b] = PAIRS[i];
    if (name === 'pow') return Math.abs(a) === 1 && !Number.isFinite(b);
    return name === 'mod' && Math.abs(a / b) < 1e-15;
  };
  test.serial(`${name} of special numbers`, t =>
    compare(
      t,
      () =>
        f(
          tf.tensor1d(PAIRS.map(([a]) => a)),
          tf.tensor1d(PAIRS.map(([, b]) => b)),
        ),
      except,
    ),
  );
}

const SIDE = 37;

for (const special of [NaN, Infinity, -Infinity]) {
  const rows = Array.from({length: SIDE}, (_, i) =>
    Array.from({length: SIDE}, (_, k) =>
      i === k ? special : Math.sin(7 * k + i),
    ),
  );
  for (const axis of [0, 1]) {
    for (const f of [tf.sum, tf.mean, tf.max, tf.min, tf.prod, tf.logSumExp]) {
      const name = f.name.replace(/_*op$/, '');
      test.serial(`${name} along axis ${axis} with ${special}`, t =>
        compare(t, () => f(tf.tensor2d(rows), axis)),
      );
    }
    for (const f of [tf.argMax, tf.argMin]) {
      const name = f.name.replace(/_*op$/, '');
      // The cpu backend passes over NaN unless it comes first.
      test.serial(`${name} along axis ${axis} with ${special}`, t =>
        compare(
          t,
          () => f(tf.tensor2d(rows), axis),
          i => i === 0 && Number.isNaN(special),
        ),
      );
    }
  }
}
