import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {useOnnx} from '../src/index.js';

/*
 * Models as tfjs's own examples build them, trained by a few steps of fit on
 * both backends from the same weights.
 */

/** Numbers that look random, the same at each call. */
const weights = (shape: number[], k: number) =>
  tf.randomNormal(shape, 0, 0.1, 'float32', k + 1);

function mnist(): tf.Sequential {
  const model = tf.sequential();
  model.add(
    tf.layers.conv2d({
      inputShape: [28, 28, 1],
      kernelSize: 5,
      filters: 8,
      strides: 1,
      activation: 'relu',
      kernelInitializer: 'varianceScaling',
    }),
  );
  model.add(tf.layers.maxPooling2d({poolSize: [2, 2], strides: [2, 2]}));
  model.add(
    tf.layers.conv2d({
      kernelSize: 5,
      filters: 16,
      strides: 1,
      activation: 'relu',
      kernelInitializer: 'varianceScaling',
    }),
  );
  model.add(tf.layers.maxPooling2d({poolSize: [2, 2], strides: [2, 2]}));
  model.add(tf.layers.flatten());
  model.add(tf.layers.dense({units: 10, activation: 'softmax'}));
  model.compile({
    optimizer: tf.train.adam(),
    loss: 'categoricalCrossentropy',
    metrics: ['accuracy'],
  });
  return model;
}

function cifar(): tf.Sequential {
  const model = tf.sequential();
  const conv = (filters: number, rest = {}) =>
    model.add(
      tf.layers.conv2d({
        filters,
        kernelSize: 3,
        padding: 'same',
        activation: 'relu',
        ...rest,
      }),
    );
  conv(16, {inputShape: [16, 16, 3]});
  conv(16);
  model.add(tf.layers.batchNormalization());
  model.add(tf.layers.maxPooling2d({poolSize: 2}));
  conv(32);
  model.add(tf.layers.averagePooling2d({poolSize: 2}));
  model.add(tf.layers.globalAveragePooling2d({}));
  model.add(tf.layers.dense({units: 10, activation: 'softmax'}));
  model.compile({optimizer: 'rmsprop', loss: 'categoricalCrossentropy'});
  return model;
}

/** The example that learns to add: an encoder, a decoder, a letter at a time. */
function addition(): tf.Sequential {
  const model = tf.sequential();
  model.add(tf.layers.lstm({units: 12, inputShape: [7, 12]}));
  model.add(tf.layers.repeatVector({n: 4}));
  model.add(tf.layers.lstm({units: 12, returnSequences: true}));
  model.add(tf.layers.timeDistributed({layer: tf.layers.dense({units: 12})}));
  model.add(tf.layers.activation({activation: 'softmax'}));
  model.compile({
    loss: 'categoricalCrossentropy',
    optimizer: 'adam',
    metrics: ['accuracy'],
  });
  return model;
}

async function train(
  backend: string,
  make: () => tf.Sequential,
): Promise<number[]> {
  if (backend === 'onnx') await useOnnx();
  else await tf.setBackend(backend);
  const model = make();
  const given = model.getWeights().map((w, k) => weights(w.shape, k));
  tf.tidy(() => {
    // A moving variance must not be negative.
    const isVariance = (k: number) => /moving_var/.test(model.weights[k].name);
    model.setWeights(given.map((w, k) => (isVariance(k) ? tf.abs(w) : w)));
  });
  const n = 8;
  const shape = model.inputs[0].shape.slice(1) as number[];
  const out = model.outputs[0].shape.slice(1) as number[];
  const classes = out[out.length - 1];
  const x = tf.randomUniform([n, ...shape], 0, 1, 'float32', 5);
  const steps = out.slice(0, -1).reduce((a, b) => a * b, 1);
  const y = tf.tidy(() =>
    tf
      .oneHot(
        Array.from({length: n * steps}, (_, i) => (i * 7) % classes),
        classes,
      )
      .reshape([n, ...out]),
  );
  const {history} = await model.fit(x, y, {
    epochs: 3,
    batchSize: 4,
    shuffle: false,
    verbose: 0,
    validationData: [x, y],
  });
  const p = model.predict(x) as tf.Tensor;
  const result = [
    ...Object.values(history).flatMap(v => v as number[]),
    ...p.dataSync(),
  ];
  tf.dispose([x, y, p, ...given]);
  model.dispose();
  return result;
}

for (const make of [mnist, cifar, addition]) {
  test.serial(`${make.name}: losses, metrics and predictions`, async t => {
    const expected = await train('cpu', make);
    const actual = await train('onnx', make);
    t.is(actual.length, expected.length);
    const worst = Math.max(
      ...expected.map((e, i) => Math.abs(actual[i] - e) / (1 + Math.abs(e))),
    );
    t.true(worst < 1e-3, `off by ${worst}`);
    t.true(expected.every(Number.isFinite));
  });
}
