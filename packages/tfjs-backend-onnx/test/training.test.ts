import test, {type ExecutionContext} from 'ava';
import * as tf from '@tensorflow/tfjs';
import {cifarResnet} from '../bench/resnet.js';
import {useOnnx} from '../src/index.js';

type Make = () => tf.LayersModel;

/** Losses of a few epochs of fit, and what the trained model predicts. */
async function train(
  backend: string,
  make: Make,
  x: number[],
  classes: number,
): Promise<number[]> {
  if (backend === 'onnx') await useOnnx();
  else await tf.setBackend(backend);
  const model = make();
  const xs = tf.randomUniform(x, 0, 1, 'float32', 3);
  const ys = tf.oneHot(
    tf.tensor1d(
      Array.from({length: x[0]}, (_, i) => i % classes),
      'int32',
    ),
    classes,
  );
  const {history} = await model.fit(xs, ys, {
    epochs: 3,
    batchSize: 4,
    shuffle: false,
    verbose: 0,
  });
  const evaluated = model.evaluate(xs, ys) as tf.Scalar | tf.Scalar[];
  const losses = [evaluated].flat().map(e => e.dataSync()[0]);
  const y = model.predict(xs) as tf.Tensor;
  const result = [...(history.loss as number[]), ...losses, ...y.dataSync()];
  tf.dispose([xs, ys, y, evaluated]);
  model.dispose();
  return result;
}

async function sameTraining(
  t: ExecutionContext,
  make: Make,
  x: number[],
  classes = 3,
  tolerance = 2e-3,
): Promise<void> {
  const expected = await train('cpu', make, x, classes);
  const actual = await train('onnx', make, x, classes);
  expected.forEach((e, i) => {
    t.true(
      Math.abs(actual[i] - e) <= tolerance * (1 + Math.abs(e)),
      `${i}: ${actual[i]} for ${e}`,
    );
  });
}

const compile = (model: tf.LayersModel, optimizer: string | tf.Optimizer) => {
  model.compile({
    optimizer,
    loss: 'categoricalCrossentropy',
    metrics: ['accuracy'],
  });
  return model;
};

test.serial('a residual network with batch normalization', async t => {
  const make = () =>
    compile(
      cifarResnet(1, {
        inputShape: [8, 8, 3],
        classes: 3,
        seed: 5,
        activation: 'softmax',
        weightDecay: 1e-3,
      }),
      tf.train.momentum(0.02, 0.9),
    );
  await sameTraining(t, make, [8, 8, 8, 3]);
});

const dense = (units: number, seed: number, rest = {}) =>
  tf.layers.dense({
    units,
    kernelInitializer: tf.initializers.glorotUniform({seed}),
    ...rest,
  });

for (const name of [
  'sgd',
  'adam',
  'rmsprop',
  'adagrad',
  'adadelta',
  'adamax',
]) {
  test.serial(`optimizer ${name}`, async t => {
    const make = () => {
      const model = tf.sequential();
      model.add(dense(8, 1, {inputShape: [5], activation: 'tanh'}));
      model.add(dense(3, 2, {activation: 'softmax'}));
      return compile(model, name);
    };
    await sameTraining(t, make, [12, 5]);
  });
}

for (const kind of ['lstm', 'gru', 'simpleRNN'] as const) {
  test.serial(`recurrent: ${kind}`, async t => {
    const make = () => {
      const model = tf.sequential();
      const seeded = tf.initializers.glorotUniform({seed: 4});
      model.add(
        tf.layers[kind]({
          units: 6,
          inputShape: [7, 4],
          kernelInitializer: seeded,
          recurrentInitializer: seeded,
        } as never),
      );
      model.add(dense(3, 2, {activation: 'softmax'}));
      return compile(model, 'adam');
    };
    await sameTraining(t, make, [8, 7, 4]);
  });
}

test.serial(
  'embedding, separable and transposed convolutions, pooling, layer norm',
  async t => {
    const seeded = () => tf.initializers.glorotUniform({seed: 4});
    const make = () => {
      const model = tf.sequential();
      model.add(
        tf.layers.conv2d({
          inputShape: [8, 8, 2],
          filters: 4,
          kernelSize: 3,
          kernelInitializer: seeded(),
          activation: 'elu',
        }),
      );
      model.add(
        tf.layers.depthwiseConv2d({
          kernelSize: 3,
          depthwiseInitializer: seeded(),
        }),
      );
      model.add(tf.layers.averagePooling2d({poolSize: 2}));
      model.add(
        tf.layers.conv2dTranspose({
          filters: 3,
          kernelSize: 2,
          strides: 2,
          kernelInitializer: seeded(),
        }),
      );
      model.add(tf.layers.layerNormalization());
      model.add(tf.layers.upSampling2d({size: [2, 2]}));
      model.add(tf.layers.zeroPadding2d());
      model.add(tf.layers.globalMaxPooling2d({}));
      model.add(dense(3, 2, {activation: 'softmax'}));
      return compile(model, 'adam');
    };
    // One image at a time: the cpu backend's gradient of upSampling2d is wrong for batches.
    const x = [4, 8, 8, 2];
    const run = async (backend: string) => {
      if (backend === 'onnx') await useOnnx();
      else await tf.setBackend(backend);
      const model = make();
      const xs = tf.randomUniform(x, 0, 1, 'float32', 3);
      const ys = tf.oneHot(tf.tensor1d([0, 1, 2, 0], 'int32'), 3);
      const {history} = await model.fit(xs, ys, {
        epochs: 2,
        batchSize: 1,
        shuffle: false,
        verbose: 0,
      });
      return history.loss as number[];
    };
    const [a, b] = [await run('cpu'), await run('onnx')];
    a.forEach((e, i) => t.true(Math.abs(b[i] - e) < 1e-3, `${b[i]} for ${e}`));
  },
);

test.serial('an embedding', async t => {
  const run = async (backend: string) => {
    if (backend === 'onnx') await useOnnx();
    else await tf.setBackend(backend);
    const model = tf.sequential();
    model.add(
      tf.layers.embedding({
        inputDim: 10,
        outputDim: 4,
        inputLength: 3,
        embeddingsInitializer: tf.initializers.glorotUniform({seed: 1}),
      }),
    );
    model.add(tf.layers.flatten());
    model.add(dense(1, 2));
    model.compile({optimizer: 'sgd', loss: 'meanSquaredError'});
    const xs = tf.tensor2d([
      [1, 2, 1],
      [3, 9, 0],
    ]);
    const {history} = await model.fit(xs, tf.tensor2d([[1], [0]]), {
      epochs: 3,
      verbose: 0,
      shuffle: false,
    });
    return history.loss as number[];
  };
  const [a, b] = [await run('cpu'), await run('onnx')];
  a.forEach((e, i) => t.true(Math.abs(b[i] - e) < 1e-4, `${b[i]} for ${e}`));
});
