import test from 'ava';
import * as tf from '@tensorflow/tfjs';
import {useOnnx} from '../src/index.js';
import {printed} from './helpers/printed.js';
import {compilations} from './helpers/compilations.js';

const backend = await useOnnx();

function network(): tf.Sequential {
  const model = tf.sequential({
    layers: [
      tf.layers.conv2d({
        inputShape: [8, 8, 3],
        filters: 16,
        kernelSize: 3,
        padding: 'same',
        useBias: false,
      }),
      tf.layers.batchNormalization(),
      tf.layers.reLU(),
      tf.layers.maxPooling2d({poolSize: 2}),
      tf.layers.dropout({rate: 0.2}),
      tf.layers.flatten(),
      tf.layers.dense({units: 3, activation: 'softmax'}),
    ],
  });
  model.compile({
    optimizer: tf.train.adam(0.01),
    loss: 'categoricalCrossentropy',
    metrics: ['accuracy'],
  });
  return model;
}

const images = tf.randomUniform(
  [48, 8, 8, 3],
  0,
  1,
  'float32',
  1,
) as tf.Tensor4D;
const classes = tf.oneHot(
  tf.tensor1d(
    Array.from({length: 48}, (_, i) => i % 3),
    'int32',
  ),
  3,
);

test.serial('fit compiles nothing after its second epoch', async t => {
  const model = network();
  const counts = await compilations(4, () =>
    model.fit(images, classes, {epochs: 1, batchSize: 16, verbose: 0}),
  );
  t.deepEqual(counts.slice(2), [0, 0]);
});

test.serial('one fit of many epochs: each batch from the third on', async t => {
  const model = network();
  const seen: number[] = [];
  await model.fit(images, classes, {
    epochs: 5,
    batchSize: 8,
    verbose: 0,
    callbacks: {onEpochEnd: () => void seen.push(backend.stats().compilations)},
  });
  t.is(seen[4], seen[1], seen.join());
});

test.serial('fitDataset, validation included', async t => {
  const model = network();
  const data = tf.data
    .zip({
      xs: tf.data.array(tf.unstack(images)),
      ys: tf.data.array(tf.unstack(classes)),
    })
    .map(e => {
      const {xs, ys} = e as {xs: tf.Tensor; ys: tf.Tensor};
      return {xs: xs.mul(2).sub(1), ys};
    })
    .batch(16);
  const counts = await compilations(4, () =>
    model.fitDataset(data as tf.data.Dataset<tf.TensorContainer>, {
      epochs: 1,
      verbose: 0,
      validationData: data as tf.data.Dataset<tf.TensorContainer>,
    }),
  );
  t.deepEqual(counts.slice(2), [0, 0]);
});

test.serial('evaluate and predict', async t => {
  const model = network();
  const evaluated = await compilations(4, () => {
    const results = model.evaluate(images, classes, {
      batchSize: 8,
    }) as tf.Scalar[];
    results.forEach(r => r.dataSync());
    tf.dispose(results);
  });
  t.deepEqual(evaluated.slice(2), [0, 0]);
  const predicted = await compilations(4, () => {
    const y = model.predict(images, {batchSize: 12}) as tf.Tensor;
    y.dataSync();
    y.dispose();
  });
  t.deepEqual(predicted.slice(2), [0, 0]);
});

test.serial('trainOnBatch, with a learning rate that changes', async t => {
  const model = network();
  const optimizer = model.optimizer as unknown as {learningRate: number};
  const counts = await compilations(6, i => {
    optimizer.learningRate = 0.01 / (i + 1);
    return model.trainOnBatch(images, classes);
  });
  t.deepEqual(counts.slice(2), [0, 0, 0, 0]);
});

test.serial('a loop of optimizer steps that reads nothing', async t => {
  const w = tf.variable(tf.randomNormal([20, 20], 0, 0.1, 'float32', 1));
  const optimizer = tf.train.momentum(0.01, 0.9);
  const x = tf.randomNormal([4, 20], 0, 1, 'float32', 2);
  const counts = await compilations(30, () => {
    optimizer.minimize(
      () =>
        x
          .matMul(w as unknown as tf.Tensor2D)
          .square()
          .mean() as tf.Scalar,
      false,
      [w],
    );
  });
  t.deepEqual(
    counts.slice(3),
    counts.slice(3).map(() => 0),
  );
  t.true(backend.stats().pending < 200);
  t.true(Number.isFinite(w.dataSync()[0]));
  tf.dispose([w, x]);
});

test.serial('a loop of gradient steps on tensors', async t => {
  const model = network();
  let x = images.clone();
  const counts = await compilations(20, () => {
    const next = tf.tidy(() => {
      const g = tf.grad(y =>
        (model.predict(y) as tf.Tensor).mul(classes).sum(),
      )(x);
      return x.sub(g.sign().mul(0.01)).clipByValue(0, 1) as tf.Tensor4D;
    });
    x.dispose();
    x = next;
  });
  t.deepEqual(
    counts.slice(3),
    counts.slice(3).map(() => 0),
  );
  t.true(backend.stats().pending < 500);
  x.dispose();
});

test.serial('a long loop without gradients or scopes', async t => {
  let x = tf.ones([4]);
  const counts = await compilations(20, () => {
    for (let i = 0; i < 700; i++) {
      const y = x.mul(0.5).add(i);
      x.dispose();
      x = y as tf.Tensor1D;
    }
  });
  t.true(backend.stats().pending < 4500);
  t.deepEqual(counts.slice(15), [0, 0, 0, 0, 0]);
  t.true(Math.abs(x.dataSync()[0] - 1396) < 1e-2);
  x.dispose();
});

/** Steps whose results have so many elements; gives the runs and the first result. */
function handOn(elements: number, steps: number): [number, number] {
  const {runs} = backend.stats();
  let x: tf.Tensor = tf.zeros([elements]);
  for (let step = 1; step <= steps; step++) {
    const y = tf.tidy(() => {
      let sum: tf.Tensor = tf.mul(x, 0.5);
      for (let i = 0; i < 120; i++) sum = tf.add(sum, step);
      return sum;
    });
    x.dispose();
    x = y;
  }
  const [first] = tf.tidy(() => x.slice(0, 1).dataSync());
  x.dispose();
  return [backend.stats().runs - runs, first];
}

test.serial('steps that hand on much run four at once, others alone', t => {
  let expected = 0;
  for (let step = 1; step <= 8; step++) expected = expected / 2 + 120 * step;
  // In bytes: what just counts as much, and a quarter of it.
  const large = 2 ** 18;
  const [many, last] = handOn(2 ** 16, 8);
  t.is(last, expected);
  const [few, same] = handOn(large, 8);
  t.is(same, expected);
  t.true(few <= 4 && many >= 8, `${few} and ${many} runs`);
  const {compilations: before} = backend.stats();
  t.is(handOn(large, 8)[1], expected);
  t.is(backend.stats().compilations, before);
  t.is(backend.stats().pending, 0);
});

test.serial('a program that mostly repeats itself is told nothing', t => {
  const program = (n: number) =>
    tf.tidy(() => tf.randomUniform([n, 5]).cos().sum().dataSync());
  const warned = printed('warn', () => {
    for (let n = 1; n < 20; n++) {
      program(n);
      for (let i = 0; i < 12; i++) program(1);
    }
  });
  t.deepEqual(warned, []);
});

test.serial(
  'a program that compiles at each step is told which op changes',
  t => {
    const warned = printed('warn', () => {
      for (let n = 1; n < 16; n++) {
        tf.tidy(() => tf.randomUniform([n, 3]).exp().sum().dataSync());
      }
    });
    t.is(warned.length, 1);
    t.regex(warned[0], /Exp\(x: float32\[\d+,3\]\).*changes/);
  },
);

test.serial('memory stays flat', t => {
  const model = network();
  const tensors = () => tf.memory().numTensors;
  const step = () =>
    tf.tidy(() => void (model.predict(images) as tf.Tensor).dataSync());
  step();
  const before = tensors();
  const {cachedSessions} = backend.stats();
  for (let i = 0; i < 100; i++) step();
  t.is(tensors(), before);
  t.is(backend.stats().cachedSessions, cachedSessions);
  t.is(backend.stats().pending, 0);
});
