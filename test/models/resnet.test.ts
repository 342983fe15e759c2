import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {
  cifarResnet,
  resnet20,
  resnet32,
  resnet56,
} from '../../src/models/resnet.js';
import {smallCnn} from '../../src/models/small.js';
import {wideResnet} from '../../src/models/wideresnet.js';
import {BACKENDS, useBackend} from '../helpers/backends.js';
import {cifar10Strip} from '../helpers/strip.js';

const trainable = (model: tf.LayersModel) =>
  model.trainableWeights.reduce(
    (sum, {shape}) => sum + tf.util.sizeFromShape(shape as number[]),
    0,
  );

// As PyTorch counts the same networks.
for (const [name, make, parameters] of [
  ['resnet20', resnet20, 269722],
  ['resnet32', resnet32, 464154],
  ['resnet56', resnet56, 853018],
] as const) {
  test.serial(`${name} has ${parameters} parameters`, t => {
    const model = make({initialize: false});
    t.is(trainable(model), parameters);
    t.deepEqual(model.inputs[0].shape, [null, 32, 32, 3]);
    t.deepEqual(model.outputs[0].shape, [null, 10]);
    model.dispose();
  });
}

test.serial('WideResNet-16-2 has 691,674 parameters', t => {
  const model = wideResnet(16, 2, {initialize: false});
  t.is(trainable(model), 691674);
  t.deepEqual(model.outputs[0].shape, [null, 10]);
  model.dispose();
});

/** A quarter of each image, so that plain JavaScript has less to do. */
const inputShape: [number, number, number] = [16, 16, 3];
const quarters = (count: number) =>
  tf.tidy(() =>
    cifar10Strip()
      .tensor(0, count)
      .slice([0, 8, 8, 0], [count, ...inputShape]),
  );

const SMALL: [string, () => tf.LayersModel][] = [
  ['ResNet-8', () => cifarResnet(1, {seed: 1, inputShape})],
  ['WideResNet-10-1', () => wideResnet(10, 1, {seed: 1, inputShape})],
  ['small net', () => smallCnn({seed: 1, width: 8, inputShape})],
];

for (const [name, make] of SMALL) {
  test.serial(`${name}: the same on every backend`, async t => {
    let expected: Float32Array[] | undefined;
    for (const backend of BACKENDS) {
      if (!(await useBackend(backend))) {
        t.log(`${backend} does not load here and is left out`);
        continue;
      }
      const before = tf.memory().numTensors;
      const model = make();
      const results = tf.tidy(() => {
        const images = quarters(2);
        const outputs = (x: tf.Tensor) =>
          model.apply(x, {training: false}) as tf.Tensor;
        const results = [outputs(images)];
        // tfjs's fused convolutions ask for the kernel's gradient too.
        if (tf.getKernel('Conv2DBackpropFilter', backend)) {
          results.push(tf.grad(x => outputs(x).square().sum())(images));
        }
        return results.map(y => Float32Array.from(y.dataSync()));
      });
      model.dispose();
      t.is(tf.memory().numTensors, before);
      expected ??= results;
      for (const [i, values] of results.entries()) {
        const scale = Math.max(...expected[i].map(Math.abs));
        t.true(scale > 0);
        t.true(
          values.every(
            (value, j) => Math.abs(value - expected![i][j]) < 1e-4 * scale,
          ),
        );
      }
    }
    await useBackend('cpu');
  });
}

test.serial('logits and softmax are the same network', async t => {
  await useBackend('cpu');
  const probabilities = cifarResnet(1, {seed: 5, inputShape});
  const logits = cifarResnet(1, {seed: 5, inputShape, output: 'logits'});
  tf.tidy(() => {
    const images = quarters(2);
    const p = probabilities.predict(images) as tf.Tensor;
    const z = logits.predict(images) as tf.Tensor;
    t.true(p.sub(z.softmax()).abs().max().dataSync()[0] < 1e-6);
    t.true(z.sum(-1).sub(1).abs().max().dataSync()[0] > 1e-3);
  });
  probabilities.dispose();
  logits.dispose();
});

test.serial('a strided convolution sees what PyTorch’s sees', async t => {
  await useBackend('cpu');
  // One net of one block a stage; all weight on the center of each kernel, so
  // that stage after stage every second pixel must come through.
  const model = smallCnn({
    normalization: null,
    batchNorm: false,
    width: 1,
    output: 'logits',
    initialize: false,
  });
  const weight = (name: string, values: tf.Tensor) =>
    model.getLayer(name).setWeights([values]);
  tf.tidy(() => {
    const center = (inputs: number, outputs: number) => {
      const kernel = tf.buffer([3, 3, inputs, outputs]);
      kernel.set(1, 1, 1, 0, 0);
      return kernel.toTensor();
    };
    weight('conv1', center(3, 1));
    weight('conv2', center(1, 2));
    weight('conv3', center(2, 2));
    weight('conv4', center(2, 4));
    const inner = tf.model({
      inputs: model.inputs,
      outputs: model.getLayer('relu4').output,
    });
    const images = cifar10Strip().tensor(0, 1);
    const y = (inner.predict(images) as tf.Tensor4D).arraySync()[0];
    const x = images.arraySync()[0];
    for (let row = 0; row < 8; row++) {
      for (let column = 0; column < 8; column++) {
        t.is(y[row][column][0], x[4 * row][4 * column][0]);
      }
    }
  });
  model.dispose();
});

test.serial('seeds make initial weights reproducible', async t => {
  await useBackend('cpu');
  const kernels = (seed: number) => {
    const model = smallCnn({seed, width: 4});
    const values = model.trainableWeights.map(w => w.read().dataSync());
    model.dispose();
    return values;
  };
  t.deepEqual(kernels(3), kernels(3));
  t.notDeepEqual(kernels(3), kernels(4));
});

test.serial('weight decay has PyTorch’s gradient', async t => {
  await useBackend('cpu');
  const model = smallCnn({seed: 1, width: 4, weightDecay: 0.1});
  tf.tidy(() => {
    const [kernel] = model.getLayer('conv3').trainableWeights;
    const w = kernel.read() as tf.Variable;
    const {grads} = tf.variableGrads(
      () => model.calculateLosses().reduce((a, b) => a.add(b)) as tf.Scalar,
      [w],
    );
    const difference = grads[w.name].sub(w.mul(0.1)).abs().max();
    t.true(difference.dataSync()[0] < 1e-7);
  });
  model.dispose();
});

test.serial('a few steps on real images bring the loss down', async t => {
  await useBackend('cpu');
  const model = smallCnn({seed: 1, width: 4, inputShape});
  model.compile({
    optimizer: tf.train.adam(0.01),
    loss: 'categoricalCrossentropy',
    metrics: ['accuracy'],
  });
  const xs = quarters(30);
  const ys = cifar10Strip().oneHot(0, 30);
  const {history} = await model.fit(xs, ys, {
    epochs: 3,
    batchSize: 10,
    shuffle: false,
    verbose: 0,
  });
  t.true(Number(history.loss[2]) < 0.9 * Number(history.loss[0]));
  tf.dispose([xs, ys]);
  model.dispose();
});

test.serial('options out of range are refused in a sentence', t => {
  t.throws(() => resnet20({classes: 1}), {message: /2 or more.* is 1\./});
  t.throws(() => resnet20({inputShape: [30, 32, 3]}), {
    message: /multiples of 4, but they are 30 and 32/,
  });
  t.throws(() => cifarResnet(0), {message: /blocks/});
  t.throws(() => wideResnet(33, 10), {message: /not 33/});
  t.throws(() => wideResnet(34, 0), {message: /widen/});
  t.throws(() => smallCnn({width: 0}), {message: /width/});
  t.throws(() => smallCnn({weightDecay: -1}), {message: /weightDecay/});
  t.throws(() => smallCnn({output: 'probabilities' as 'softmax'}), {
    message: /'softmax' or 'logits'/,
  });
});
