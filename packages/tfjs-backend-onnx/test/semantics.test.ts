import test from 'ava';
import * as tf from '@tensorflow/tfjs';
import {useOnnx} from '../src/index.js';

const backend = await useOnnx();
const values = (t: tf.Tensor) => Array.from(t.dataSync());

test.serial('reading does not compute twice, and gives a copy', async t => {
  const x = tf.tensor1d([1, 2, 3]).add(1);
  const {runs} = backend.stats();
  const first = x.dataSync();
  first[0] = 99;
  t.deepEqual(values(x), [2, 3, 4]);
  t.deepEqual(Array.from(await x.data()), [2, 3, 4]);
  t.is(backend.stats().runs, runs + 1);
  x.dispose();
});

test.serial('what is disposed of before it runs is not run', t => {
  const x = tf.tensor1d([1, 2]);
  const {runs} = backend.stats();
  tf.tidy(() => void x.mul(2).exp());
  backend.flush();
  t.is(backend.stats().runs, runs);
  const y = tf.tidy(() => x.mul(2).add(1));
  x.dispose();
  t.deepEqual(values(y), [3, 5]);
  t.throws(() => x.dataSync());
  y.dispose();
});

test.serial('data written by the program is copied', t => {
  const buffer = Float32Array.of(1, 2);
  const x = tf.tensor1d(buffer);
  const y = x.mul(2);
  buffer.fill(0);
  t.deepEqual(values(y), [2, 4]);
  tf.dispose([x, y]);
});

test.serial('reshapes and clones share data, and outlive each other', t => {
  const x = tf.tensor1d([1, 2, 3, 4]).add(0.5);
  const y = x.reshape([2, 2]);
  const z = y.clone();
  x.dispose();
  t.deepEqual(z.shape, [2, 2]);
  y.dispose();
  t.deepEqual(values(z), [1.5, 2.5, 3.5, 4.5]);
  t.throws(() => z.reshape([3]), {message: /must match the product of shape/});
  z.dispose();
});

test.serial('tidy, keep and memory count as on other backends', t => {
  const before = tf.memory();
  let kept: tf.Tensor | undefined;
  const out = tf.tidy(() => {
    const x = tf.ones([10]);
    kept = tf.keep(x.mul(2));
    return x.add(kept);
  });
  t.is(tf.memory().numTensors, before.numTensors + 2);
  t.is(tf.memory().numBytes, before.numBytes + 80);
  t.is(values(kept!)[0], 2);
  tf.dispose([out, kept!]);
  t.is(tf.memory().numTensors, before.numTensors);
  t.is(tf.memory().numDataBuffers, before.numDataBuffers);
});

test.serial('variables', t => {
  const v = tf.variable(tf.zeros([3]));
  for (let i = 1; i <= 4; i++) tf.tidy(() => v.assign(v.add(i)));
  t.deepEqual(values(v), [10, 10, 10]);
  const old = v.clone();
  tf.tidy(() => v.assign(v.mul(0)));
  t.deepEqual(values(old), [10, 10, 10]);
  t.deepEqual(values(v), [0, 0, 0]);
  tf.dispose([v, old]);
});

test.serial(
  'a number that changes is an input, also when it was 0 or 1 before',
  t => {
    const x = tf.tensor1d([1, 2, 4]);
    const results: number[][] = [];
    const {compilations} = backend.stats();
    for (const factor of [1, 1, 0, 0.5, 1, 7]) {
      results.push(tf.tidy(() => values(x.mul(factor).add(factor))));
    }
    t.deepEqual(results[0], [2, 3, 5]);
    t.deepEqual(results[2], [0, 0, 0]);
    t.deepEqual(results[3], [1, 1.5, 2.5]);
    t.deepEqual(results[5], [14, 21, 35]);
    t.true(backend.stats().compilations - compilations <= 2);
    x.dispose();
  },
);

test.serial(
  'numbers that are equal in each step are one input, until one of them changes',
  t => {
    const x = tf.tensor1d([1, 2, 4]);
    const list = [3, 5, 7];
    const turn = (numbers: number[]) =>
      tf.tidy(() => {
        const terms = numbers.map(n =>
          tf.exp(x.mul(n)).mul(tf.tensor1d(list)).add(n),
        );
        return values(terms.reduce((a, b) => a.sub(b)));
      });
    const expected = (numbers: number[]) =>
      [1, 2, 4].map((v, i) =>
        numbers.map(n => Math.exp(v * n) * list[i] + n).reduce((a, b) => a - b),
      );
    const {compilations} = backend.stats();
    for (const numbers of [
      [0.5, 0.5, 0.5],
      [0.25, 0.25, 0.25],
      [0.25, 0.5, 0.25],
      [0.5, 0.5, 0.125],
      [-0.5, 0.25, 0.75],
    ]) {
      const [got, want] = [turn(numbers), expected(numbers)];
      t.true(
        got.every((v, i) => Math.abs(v - want[i]) < 1e-4),
        `${numbers}: ${got}, not ${want}`,
      );
    }
    // Compiled at first, and when the second and the third went their own way.
    t.is(backend.stats().compilations - compilations, 3);
    x.dispose();
  },
);

test.serial('0 and −0 are not one input', t => {
  const x = tf.tensor1d([1, 2]);
  const [a, b] = tf.tidy(() =>
    [
      [0, 0.5],
      [-0, 0.5],
    ].map(list => x.mul(tf.tensor1d(list))),
  );
  t.deepEqual([values(a)[0], values(b)[0]], [0, -0]);
  tf.dispose([x, a, b]);
});

test.serial('random numbers and dropout are fresh at each call', t => {
  const x = tf.ones([64]);
  const drawn = [0, 1, 2].map(() => tf.tidy(() => values(tf.dropout(x, 0.5))));
  t.notDeepEqual(drawn[0], drawn[1]);
  t.notDeepEqual(drawn[1], drawn[2]);
  const uniform = [0, 1].map(() =>
    tf.tidy(() => values(tf.randomNormal([8]).add(0))),
  );
  t.notDeepEqual(uniform[0], uniform[1]);
  x.dispose();
});

test.serial('tensors move from the cpu backend and back', async t => {
  await tf.setBackend('cpu');
  const x = tf.tensor1d([1, 2]).mul(3);
  await tf.setBackend('onnx');
  const y = x.add(1);
  t.deepEqual(values(y), [4, 7]);
  const z = y.mul(2);
  await tf.setBackend('cpu');
  const w = z.add(1);
  t.deepEqual(values(w), [9, 15]);
  await tf.setBackend('onnx');
  t.deepEqual(values(x.add(w)), [12, 21]);
  tf.dispose([x, y, z, w]);
});

test.serial('second derivatives and customGrad', t => {
  const cube = (x: tf.Tensor) => x.mul(x).mul(x);
  const second = tf.grad(x => tf.grad(cube)(x));
  t.deepEqual(
    tf.tidy(() => values(second(tf.tensor1d([1, 2])))),
    [6, 12],
  );
  const twice = tf.customGrad((x, save) => {
    (save as tf.GradSaveFunc)([x as tf.Tensor]);
    return {
      value: (x as tf.Tensor).square(),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => [
        dy.mul(saved[0]).mul(10),
      ],
    };
  });
  const gradient = tf.tidy(() =>
    values(tf.grad(x => twice(x))(tf.tensor1d([2, 3]))),
  );
  t.deepEqual(gradient, [20, 30]);
});

test.serial('reading inside a gradient', t => {
  const seen: number[] = [];
  const gradient = tf.tidy(() =>
    values(
      tf.grad(x => {
        const y = x.square();
        seen.push(y.dataSync()[0]);
        return y.mul(x);
      })(tf.tensor1d([3])),
    ),
  );
  t.deepEqual(seen, [9]);
  t.deepEqual(gradient, [27]);
});
