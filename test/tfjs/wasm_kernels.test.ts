import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {adversarialTraining} from '../../src/callbacks/adversarial_training.js';
import {smallCnn} from '../../src/models/small.js';
import {installWasmKernels} from '../../src/tfjs/wasm_kernels.js';
import {loadBackend} from '../../src/tfjs_node/load_backend.js';

await loadBackend('wasm');

type Of = 'filter' | 'input';
type Case = [
  size: [number, number],
  filter: [number, number],
  strides: [number, number],
  pad: 'same' | 'valid' | number | tf.backend_util.ExplicitPadding,
  rounding?: 'floor' | 'ceil',
];

/** sum(conv(x, w) · r), which is linear in w and in x, as a function of one of them. */
function problem(of: Of, [size, filter, strides, pad, rounding]: Case) {
  const random = (shape: number[], seed: number) =>
    tf.randomUniform(shape, -1, 1, 'float32', seed);
  const x = random([3, ...size, 2], 1) as tf.Tensor4D;
  const shape: [number, number, number, number] = [...filter, 2, 4];
  const y = (w: tf.Tensor) =>
    tf.conv2d(x, w as tf.Tensor4D, strides, pad, 'NHWC', 1, rounding);
  const r = random(y(tf.zeros(shape)).shape, 3);
  const w = random(shape, 2);
  if (of === 'filter') {
    const f = (w: tf.Tensor) => tf.sum(tf.mul(y(w), r)) as tf.Scalar;
    return {f, at: w};
  }
  const f = (x: tf.Tensor) =>
    tf.sum(
      tf.mul(
        tf.conv2d(
          x as tf.Tensor4D,
          w as tf.Tensor4D,
          strides,
          pad,
          'NHWC',
          1,
          rounding,
        ),
        r,
      ),
    ) as tf.Scalar;
  return {f, at: x};
}

/** Its gradient: the values at the unit vectors. */
async function wantedGradient(of: Of, args: Case): Promise<number[]> {
  await tf.setBackend('cpu');
  return tf.tidy(() => {
    const {f, at} = problem(of, args);
    const {shape} = at;
    const count = tf.util.sizeFromShape(shape);
    const units = tf.unstack(tf.reshape(tf.eye(count), [count, ...shape]));
    return units.map(unit => f(unit).dataSync()[0]);
  });
}

async function wasmGradient(of: Of, args: Case): Promise<number[]> {
  await tf.setBackend('wasm');
  installWasmKernels();
  return tf.tidy(() => {
    const {f, at} = problem(of, args);
    return [...tf.grad(f)(at).dataSync()];
  });
}

const CASES: Case[] = [
  [[6, 6], [3, 3], [1, 1], 'same'],
  [[7, 5], [3, 2], [1, 1], 'valid'],
  [[8, 8], [3, 3], [2, 2], 'same'],
  [[9, 8], [3, 3], [2, 2], 'valid'],
  [[8, 9], [1, 1], [2, 2], 'same'],
  [[9, 7], [4, 3], [3, 2], 'same'],
  [[8, 8], [5, 5], [1, 2], 2],
  [
    [6, 7],
    [3, 3],
    [2, 1],
    [
      [0, 0],
      [2, 1],
      [0, 2],
      [0, 0],
    ],
  ],
  [[8, 8], [3, 3], [2, 2], 0, 'floor'],
  [[8, 8], [3, 3], [2, 2], 0, 'ceil'],
];

const TASKS = (['filter', 'input'] as const).flatMap(of =>
  CASES.map((args, i) => [of, i, args] as const),
);

for (const [of, i, args] of TASKS) {
  test.serial(
    `gradient ${i} of a convolution's ${of} is its slope`,
    async t => {
      const wanted = await wantedGradient(of, args);
      const before = tf.memory().numTensors;
      const got = await wasmGradient(of, args);
      t.is(tf.memory().numTensors, before);
      t.is(got.length, wanted.length);
      const off = got.map((x, j) => Math.abs(x - wanted[j]));
      t.true(Math.max(...off) < 1e-4, `off by ${Math.max(...off)}`);
      t.true(Math.max(...wanted.map(Math.abs)) > 0.5);
    },
  );
}

/** The gradient of x ↦ sum(x ∗ w) at zeros. */
const slopes = (w: tf.Tensor4D) =>
  tf.tidy(() => {
    const f = (x: tf.Tensor) =>
      tf.sum(tf.conv2d(x as tf.Tensor4D, w, 1, 'same')) as tf.Scalar;
    return [
      ...tf
        .grad(f)(tf.zeros([1, 2, 2, w.shape[2]]))
        .dataSync(),
    ];
  });

const random = (shape: tf.Tensor4D['shape'], seed: number) =>
  tf.randomUniform(shape, -1, 1, 'float32', seed) as tf.Tensor4D;

test.serial(
  'flipped filters follow the filter, in value and shape',
  async t => {
    await tf.setBackend('wasm');
    installWasmKernels();
    const variable = tf.variable(random([3, 3, 2, 4], 1));
    const first = slopes(variable as tf.Tensor4D);
    t.deepEqual(slopes(variable as tf.Tensor4D), first);
    const next = random([3, 3, 2, 4], 2);
    variable.assign(next);
    t.notDeepEqual(slopes(variable as tf.Tensor4D), first);
    t.deepEqual(
      slopes(variable as tf.Tensor4D),
      slopes(tf.tensor4d(next.dataSync(), [3, 3, 2, 4])),
    );
    // Another shape of the same data.
    const other = tf.reshape(next, [3, 3, 4, 2]) as tf.Tensor4D;
    t.deepEqual(
      slopes(other),
      slopes(tf.tensor4d(next.dataSync(), [3, 3, 4, 2])),
    );
    tf.dispose([variable, next, other]);
  },
);

test.serial('flipped filters are freed after their filters', async t => {
  await tf.setBackend('wasm');
  installWasmKernels();
  const count = () => (tf.backend() as tf.KernelBackend).numDataIds();
  const use = (seed: number) =>
    tf.tidy(() => slopes(random([3, 3, 8, 8], seed)));
  use(0);
  const before = count();
  for (let seed = 1; seed < 20; seed++) use(seed);
  t.true(count() <= before, `${count()} after ${before}`);
});

test.serial('no more than 32 MB of flipped filters are kept', async t => {
  await tf.setBackend('wasm');
  installWasmKernels();
  const count = () => (tf.backend() as tf.KernelBackend).numDataIds();
  // Each takes 9 MB.
  const filters = [1, 2, 3, 4, 5].map(seed => random([3, 3, 512, 512], seed));
  const before = count();
  for (const filter of filters) slopes(filter);
  t.true(count() - before <= 3, `${count() - before} kept`);
  tf.dispose(filters);
});

test.serial('copies outlive what they are copied from', async t => {
  await tf.setBackend('wasm');
  installWasmKernels();
  const backend = tf.backend() as tf.KernelBackend;
  const counts = () => {
    const {numTensors, numDataBuffers} = tf.memory();
    return {numTensors, numDataBuffers, ids: backend.numDataIds()};
  };
  const before = counts();
  const x = tf.tensor1d([1, 2, 3]);
  const copies = [tf.clone(x), tf.cast(x, 'float32'), tf.cast(x, 'int32')];
  x.dispose();
  const y = tf.tensor1d([7, 8, 9]);
  for (const copy of copies) t.deepEqual([...copy.dataSync()], [1, 2, 3]);
  const words = tf.tensor1d(['a', 'b']);
  const copy = tf.clone(words);
  words.dispose();
  t.deepEqual(copy.dataSync() as unknown, ['a', 'b']);
  tf.dispose([...copies, y, copy]);
  t.deepEqual(counts(), before);
});

test.serial('a convolutional network learns on wasm', async t => {
  await tf.setBackend('wasm');
  const model = smallCnn({
    width: 4,
    classes: 2,
    inputShape: [8, 8, 3],
    seed: 0,
  });
  model.compile({
    optimizer: tf.train.adam(0.01),
    loss: 'categoricalCrossentropy',
    metrics: ['accuracy'],
  });
  // Bright and dark images.
  const y = Array.from({length: 40}, (_, i) => i % 2);
  const noise = tf.randomUniform([40, 8, 8, 3], 0, 0.3, 'float32', 5);
  const x = tf.add(
    noise,
    tf.reshape(tf.mul(tf.tensor1d(y), 0.6), [40, 1, 1, 1]),
  );
  const labels = tf.oneHot(tf.tensor1d(y, 'int32'), 2);
  const {history} = await model.fit(x, labels, {
    epochs: 12,
    batchSize: 20,
    shuffle: false,
    verbose: 0,
    callbacks: adversarialTraining({attack: 'D', steps: 1}),
  });
  t.true((history.adv_acc.at(-1) as number) > 0.9, String(history.adv_acc));
});
