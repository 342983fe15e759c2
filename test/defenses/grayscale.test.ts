import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {grayscale} from '../../src/defenses/grayscale.js';
import {smallCnn} from '../../src/models/small.js';
import {cifar10Strip} from '../helpers/strip.js';

const inputShape: [number, number, number] = [32, 32, 3];
const functional = () => smallCnn({seed: 1, width: 2, batchNorm: false});
const sequential = (channels: number) =>
  tf.sequential({
    layers: [
      tf.layers.conv2d({
        filters: 4,
        kernelSize: 3,
        strides: 4,
        inputShape: [32, 32, channels],
      }),
      tf.layers.flatten(),
      tf.layers.dense({units: 10, activation: 'softmax'}),
    ],
  });

for (const [name, make] of [
  ['functional, 3 channels', functional],
  ['sequential, 3 channels', () => sequential(3)],
  ['sequential, 1 channel', () => sequential(1)],
] as [string, () => tf.LayersModel][]) {
  test.serial(`${name}: sees the luma of its images`, t => {
    const before = tf.memory().numTensors;
    const model = make();
    const gray = grayscale(model);
    tf.tidy(() => {
      const images = cifar10Strip().tensor(0, 3);
      const luma = images.mul([0.299, 0.587, 0.114]).sum(3, true);
      const seen = luma.tile([1, 1, 1, model.inputs[0].shape[3]!]);
      const difference = (gray.predict(images) as tf.Tensor).sub(
        model.predict(seen) as tf.Tensor,
      );
      t.true(difference.abs().max().dataSync()[0] < 1e-5);
      t.deepEqual(gray.inputs[0].shape, [null, 32, 32, 3]);
    });
    gray.dispose();
    t.is(tf.memory().numTensors, before);
  });

  test.serial(`${name}: a change of color alone does nothing`, t => {
    const gray = grayscale(make());
    tf.tidy(() => {
      const images = cifar10Strip().tensor(0, 2).mul(0.5);
      // A direction with luma 0.
      const tinted = images.add([0.1, -0.0299 / 0.587, 0]);
      const difference = (gray.predict(tinted) as tf.Tensor).sub(
        gray.predict(images) as tf.Tensor,
      );
      t.true(difference.abs().max().dataSync()[0] < 1e-5);
    });
    gray.dispose();
  });

  test.serial(`${name}: training it trains the model inside`, async t => {
    const model = make();
    const gray = grayscale(model);
    gray.compile({
      optimizer: tf.train.sgd(0.1),
      loss: 'categoricalCrossentropy',
    });
    const weights = () => model.getWeights().map(w => w.dataSync().slice());
    const before = weights();
    const xs = cifar10Strip().tensor(0, 8);
    const ys = cifar10Strip().oneHot(0, 8);
    await gray.fit(xs, ys, {epochs: 1, verbose: 0});
    t.notDeepEqual(weights(), before);
    tf.dispose([xs, ys]);
    gray.dispose();
  });
}

test.serial('it can be put around itself', t => {
  const model = functional();
  const [once, twice] = [grayscale(model), grayscale(grayscale(model))];
  tf.tidy(() => {
    const images = cifar10Strip().tensor(0, 2);
    const [a, b] = [once, twice].map(m => m.predict(images) as tf.Tensor);
    t.true(a.sub(b).abs().max().dataSync()[0] < 1e-5);
  });
  model.dispose();
});

test.serial('other inputs are refused', t => {
  t.throws(() => grayscale(sequential(4)), {
    message: /needs a model with one input .* has \[,?32,32,4\]|has \[/,
  });
  const a = tf.input({shape: inputShape});
  const b = tf.input({shape: inputShape});
  const two = tf.model({
    inputs: [a, b],
    outputs: tf.layers.add().apply([a, b]) as tf.SymbolicTensor,
  });
  t.throws(() => grayscale(two), {message: /has 2 inputs/});
});
