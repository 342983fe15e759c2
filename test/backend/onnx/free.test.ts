import test from 'ava';
import * as tf from '@tensorflow/tfjs';
import type {Recorder} from '../../../src/backend/onnx/lazy/recorder.js';
import {useOnnx} from '../../../src/onnx.js';

const backend = await useOnnx();
const MIB = 2 ** 20;
const N = MIB;
const held = () => process.memoryUsage().arrayBuffers;
const first = (x: tf.Tensor) =>
  tf.tidy(() => x.flatten().slice([0], [3]).arraySync());

/** A result of a run, of 4 MiB. */
function result(value: number): tf.Tensor {
  const x = tf.tidy(() => tf.range(0, N).add(value));
  backend.flush();
  return x;
}

test.before(() => result(0).dispose());

test.serial('disposing of a result gives its memory back at once', t => {
  const before = held();
  const x = result(1);
  t.true(held() - before >= 4 * N);
  x.dispose();
  t.true(held() - before < MIB);
});

test.serial('and so it does for data written by the program', t => {
  const given = Float32Array.from({length: N}, (_, i) => i);
  const before = held();
  const x = tf.tensor1d(given);
  t.true(held() - before >= 4 * N);
  x.dispose();
  t.true(held() - before < MIB);
  t.is(given[N - 1], N - 1);
});

test.serial('a loop leaves nothing to the garbage collector', t => {
  const before = held();
  let x = result(1);
  for (let i = 0; i < 50; i++) {
    const next = tf.tidy(() => x.mul(0.5).add(1));
    backend.flush();
    x.dispose();
    x = next;
    t.true(held() - before < 12 * N);
  }
  (first(x) as number[]).forEach(value => t.true(Math.abs(value - 2) < 1e-5));
  x.dispose();
});

test.serial('a recorded call keeps what it takes until it has run', t => {
  const before = held();
  const x = result(1);
  const y = tf.tidy(() => x.mul(2));
  x.dispose();
  t.true(held() - before >= 4 * N);
  t.deepEqual(first(y), [2, 4, 6]);
  t.true(held() - before < 5 * N);
  t.deepEqual(
    tf.tidy(() => first(y.add(1))),
    [3, 5, 7],
  );
  t.deepEqual(first(y), [2, 4, 6]);
  y.dispose();
});

test.serial('also where only the first of the recorded calls are run', t => {
  const x = result(1);
  const y = x.neg();
  const z = x.mul(2);
  x.dispose();
  const {recorder} = backend as unknown as {recorder: Recorder};
  recorder.flush(1);
  t.is(backend.stats().pending, 1);
  t.deepEqual(first(y), [-1, -2, -3]);
  t.deepEqual(first(z), [2, 4, 6]);
  tf.dispose([y, z]);
});

const VIEWS: Record<string, (x: tf.Tensor) => tf.Tensor> = {
  reshape: x => x.reshape([2, N / 2]),
  clone: x => x.clone(),
  // A view of its rows, made without a run.
  slice: x => x.slice([0], [N / 2]),
  'slice of a slice': x => tf.tidy(() => x.slice([0], [N]).slice([0], [8])),
  // What comes out is what went in.
  'a run without work': x => tf.tidy(() => x.mul(1)),
};

for (const [name, view] of Object.entries(VIEWS)) {
  test.serial(`it stays where others still see it: ${name}`, t => {
    for (const settled of [true, false]) {
      const x = result(1);
      const y = view(x);
      if (settled) backend.flush();
      x.dispose();
      t.deepEqual(first(y), [1, 2, 3]);
      y.dispose();
    }
  });
}

test.serial('two results that are one', t => {
  const x = result(1);
  const [y, z] = tf.tidy(() => {
    const y = x.neg();
    return [y, x.neg().reshape([2, N / 2])];
  });
  backend.flush();
  y.dispose();
  t.deepEqual(first(z), [-1, -2, -3]);
  tf.dispose([x, z]);
});

test.serial('a result of a cpu kernel that is a view of its input', t => {
  // Complex numbers are the cpu's.
  const x = result(1);
  const complex = tf.complex(x as tf.Tensor1D, x as tf.Tensor1D);
  x.dispose();
  tf.real(complex).dispose();
  const real = tf.real(complex);
  complex.dispose();
  t.deepEqual(first(real), [1, 2, 3]);
  real.dispose();
});
