import test from 'ava';
import * as tf from '@tensorflow/tfjs';
import type {Recorder} from '../src/record/recorder.js';
import type {Value} from '../src/trace/value.js';
import {defaults} from '../src/options.js';
import {useOnnx} from '../src/index.js';

const backend = await useOnnx();
const MIB = 2 ** 20;
const N = MIB;
const saved = {memoryLimit: defaults.memoryLimit};
const held = () => process.memoryUsage().arrayBuffers;
/** Bytes put aside for later results. */
const kept = () => (backend as unknown as {pool: {bytes: number}}).pool.bytes;
const first = (x: tf.Tensor) =>
  tf.tidy(() => x.flatten().slice([0], [3]).arraySync());

/** A result of a run, of 4 MiB. */
function result(value: number): tf.Tensor {
  const x = tf.tidy(() => tf.range(0, N).add(value));
  backend.flush();
  return x;
}

/** Has memory that was given up too early written over. */
const overwrite = () => result(-100).dispose();

/** A tensor's own memory. */
function placeOf(x: tf.Tensor): ArrayBufferLike {
  backend.flush();
  return ((x.dataId as Value).data as Float32Array).buffer;
}

/** A run that has use for little. */
const other = () => void tf.tidy(() => tf.range(0, 8).neg().dataSync());

test.before(overwrite);

test.serial('the next result takes the memory of one disposed of', t => {
  const x = result(1);
  const place = placeOf(x);
  x.dispose();
  for (let i = 0; i < 20; i++) {
    const y = result(i + 1);
    t.is(placeOf(y), place);
    t.is(
      tf.tidy(() => y.max().dataSync()[0]),
      N + i,
    );
    y.dispose();
  }
});

test.serial('two results at a time are in two places', t => {
  tf.dispose([result(1), result(2)]);
  const x = result(1);
  const y = result(2);
  t.deepEqual(first(x), [1, 2, 3]);
  t.deepEqual(first(y), [2, 3, 4]);
  tf.dispose([x, y]);
});

test.serial('memory for which no run has any use is given back', t => {
  backend.configure({});
  result(1).dispose();
  t.is(kept(), 4 * N);
  for (let i = 0; i < 105; i++) other();
  t.is(kept(), 0);
});

test.serial('nor more of it than runs have use for', t => {
  backend.configure({});
  tf.dispose([result(1), result(2)]);
  t.is(kept(), 8 * N);
  for (let i = 0; i < 105; i++) overwrite();
  t.is(kept(), 4 * N);
});

test.serial('no more is kept than a quarter of memoryLimit', t => {
  try {
    backend.configure({memoryLimit: 40 * N});
    tf.dispose(Array.from({length: 4}, (_, i) => result(i + 1)));
    // Of 16 MiB, 10 may stay: two of four results.
    t.is(kept(), 8 * N);
    backend.configure({});
    t.is(kept(), 0);
  } finally {
    backend.configure(saved);
  }
});

test.serial('what the program wrote itself is given back at once', t => {
  const given = Float32Array.from({length: N}, (_, i) => i);
  const before = held();
  const x = tf.tensor1d(given);
  t.true(held() - before >= 4 * N);
  x.dispose();
  t.true(held() - before < MIB);
  t.is(given[N - 1], N - 1);
});

test.serial('a loop leaves nothing to the garbage collector', t => {
  backend.configure({});
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
  backend.configure({});
  const x = result(1);
  const y = tf.tidy(() => x.mul(2));
  x.dispose();
  t.is(kept(), 0);
  t.deepEqual(first(y), [2, 4, 6]);
  t.is(kept(), 4 * N);
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
      overwrite();
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
  overwrite();
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
  overwrite();
  t.deepEqual(first(real), [1, 2, 3]);
  real.dispose();
});
