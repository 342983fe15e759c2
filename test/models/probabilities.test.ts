import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {
  attack,
  type Classifier,
  Delta,
  evaluateRobustness,
  logits,
} from '../../src/index.js';
import {resolveCrafting} from '../../src/training/fast_args.js';
import {craftFast} from '../../src/training/fast_crafting.js';
import {missingBackend, usual} from '../helpers/backends.js';
import {dispose} from '../../src/ops/tidy.js';
import {leakAsync} from '../helpers/memory.js';
import {said} from '../helpers/said.js';

await missingBackend(usual);

// Logits ±2000 (mean − 0.45): D(0.06) turns a gray image of 0.5, and a softmax is
// exactly 0 and 1 there, so that no gradient leads through it.
const kernel = Float32Array.from({length: 32}, (_, k) => (k % 2 ? -125 : 125));
const bias = Float32Array.from([-900, 900]);
const gray = tf.fill([3, 4, 4, 1], 0.5) as tf.Tensor4D;
/** None of them plain. */
const uneven = tf.tidy(() =>
  tf.add(gray, tf.randomUniform(gray.shape, -0.4, 0.4, 'float32', 2)),
) as tf.Tensor4D;
const zeros = tf.zeros([3], 'int32') as tf.Tensor1D;

type Symbolic = tf.SymbolicTensor;

const input = tf.input({shape: [4, 4, 1]});
const flat = tf.layers.flatten().apply(input);

/** A custom layer that computes something of its input, of the same shape. */
function custom(f: (x: tf.Tensor) => tf.Tensor): tf.layers.Layer {
  class Custom extends tf.layers.Layer {
    static className = 'Custom';
    override computeOutputShape(shape: tf.Shape): tf.Shape {
      return shape;
    }
    override call(x: tf.Tensor | tf.Tensor[]): tf.Tensor {
      return tf.tidy(() => f(Array.isArray(x) ? x[0] : x));
    }
  }
  return new Custom();
}

type Activation = 'softmax' | 'sigmoid' | 'linear' | 'hardSigmoid' | 'tanh';

const dense = (activation: Activation, scale = 1) =>
  tf.layers
    .dense({
      units: 2,
      activation,
      weights: [
        tf.mul(tf.tensor2d(kernel, [16, 2]), scale),
        tf.mul(tf.tensor1d(bias), scale),
      ],
    })
    .apply(flat) as Symbolic;

const conv = (activation: Activation) =>
  tf.layers
    .conv2d({
      ...{filters: 2, kernelSize: 4, activation},
      weights: [tf.tensor4d(kernel, [4, 4, 1, 2]), tf.tensor1d(bias)],
    })
    .apply(input) as Symbolic;

/** A model of layers one after the other. */
const chain = (first: Symbolic, ...layers: tf.layers.Layer[]) =>
  tf.model({
    inputs: input,
    outputs: layers.reduce((x, layer) => layer.apply(x) as Symbolic, first),
  });

const softmax = () => tf.layers.softmax();
const reshape = (...targetShape: number[]) => tf.layers.reshape({targetShape});
const merged = (layer: tf.layers.Layer, ...parts: Symbolic[]) =>
  tf.model({inputs: input, outputs: layer.apply(parts) as Symbolic});
const nested = () => chain(dense('softmax'));
const whole = nested();
const predict = (x: tf.Tensor) => whole.predict(x) as tf.Tensor;

/** Logits can be found: the attack succeeds. */
const FOUND: Record<string, () => tf.LayersModel> = {
  'an activation layer': () =>
    chain(dense('linear'), tf.layers.activation({activation: 'softmax'})),
  'dropout behind it': () =>
    chain(dense('softmax'), tf.layers.dropout({rate: 0.5})),
  'identity, dropout and reshape behind it': () =>
    chain(
      dense('linear'),
      softmax(),
      reshape(1, 2),
      tf.layers.dropout({rate: 0.2}),
      tf.layers.activation({activation: 'linear'}),
    ),
  'a permutation behind it': () =>
    chain(dense('softmax'), reshape(1, 2), tf.layers.permute({dims: [2, 1]})),
  'a convolution, flattened': () => chain(conv('softmax'), tf.layers.flatten()),
  'channels first': () =>
    chain(dense('linear'), reshape(2, 1, 1), tf.layers.softmax({axis: 1})),
  'a nested model': () => chain(input, nested()),
  'dropout behind a nested model in a nested model': () =>
    chain(input, chain(input, nested()), tf.layers.dropout({rate: 0.1})),
  'a softmax of a softmax': () => chain(dense('softmax'), softmax()),
  'a sigmoid of a softmax of a nested model': () =>
    chain(input, nested(), tf.layers.activation({activation: 'sigmoid'})),
  'sigmoid units': () => chain(dense('sigmoid')),
  'tanh units': () => chain(dense('tanh')),
  'a tanh of a softmax of a nested model': () =>
    chain(input, nested(), tf.layers.activation({activation: 'tanh'})),
  'a multiple of a softmax': () =>
    chain(dense('softmax'), tf.layers.rescaling({scale: 2, offset: -1})),
  'a softmax at a temperature': () =>
    chain(
      dense('linear'),
      custom(z => tf.div(z, 3)),
      softmax(),
    ),
  'a log-softmax': () =>
    chain(
      dense('linear'),
      custom(z => tf.logSoftmax(z)),
    ),
  'soft voting of three': () =>
    merged(
      tf.layers.average(),
      dense('softmax'),
      dense('softmax', 0.5),
      softmax().apply(dense('linear')) as Symbolic,
    ),
  'a product of a nested model and a softmax': () =>
    merged(
      tf.layers.multiply(),
      nested().apply(input) as Symbolic,
      dense('softmax'),
    ),
  'the largest of two softmaxes': () =>
    merged(tf.layers.maximum(), dense('softmax'), dense('softmax', 0.5)),
};

for (const [name, make] of Object.entries(FOUND)) {
  test.serial(`${name}: attacked by its logits`, async t => {
    const model = make();
    const {success} = attack('D(0.06)').perturb(model, gray, zeros);
    t.deepEqual([...success.dataSync()], [1, 1, 1]);
    const {results} = await evaluateRobustness(
      model,
      {images: gray, labels: zeros},
      {attacks: ['None', 'D(0.06)'], warnings: false},
    );
    t.deepEqual(
      results.map(({accuracy}) => accuracy),
      [1, 0],
    );
  });
}

/** Probabilities whose logits no structure shows. */
const REFUSED: Record<string, () => Classifier> = {
  'a custom softmax layer': () =>
    chain(
      dense('linear'),
      custom(z => tf.softmax(z)),
    ),
  'a softmax over places, pooled': () =>
    chain(conv('softmax'), tf.layers.globalAveragePooling2d({})),
  'hard sigmoids': () => chain(dense('hardSigmoid')),
  'a softmax divided by 3': () =>
    chain(
      dense('softmax'),
      custom(p => tf.div(p, 3)),
    ),
  'a function around predict': () => predict,
  'a function around a sigmoid': () => x => tf.sigmoid(logits(whole, x)),
  percent: () => x => tf.mul(predict(x), 100),
  'clipped away from 0 and 1': () => x =>
    tf.clipByValue(predict(x), 1e-7, 1 - 1e-7),
  'smoothed, with an axis more': () => x =>
    tf.expandDims(tf.add(tf.mul(predict(x), 0.9), 0.05), 1),
  // Their logarithms do not add up as those of equal parts do.
  'soft voting in which one counts more': () =>
    merged(
      tf.layers.average(),
      tf.layers.rescaling({scale: 3}).apply(dense('softmax')) as Symbolic,
      dense('softmax', -1),
    ),
  'behind a power law, which is NaN below 0': () => x =>
    predict(tf.pow(x, 1 / 2.2)),
  'of standardized images, which are NaN where an image is plain': () => x => {
    const mean = tf.mean(x, [1, 2, 3], true);
    const centered = tf.sub(x, mean);
    const stddev = tf.sqrt(tf.mean(tf.square(centered), [1, 2, 3], true));
    return predict(tf.add(tf.div(centered, tf.mul(stddev, 10)), 0.45));
  },
  'rounded to three digits': () => x =>
    tf.div(
      tf.round(tf.mul(tf.softmax(tf.div(logits(whole, x), 100)), 1e3)),
      1e3,
    ),
};

for (const [name, make] of Object.entries(REFUSED)) {
  test.serial(`${name}: refused`, async t => {
    const classifier = make();
    const message = /outputs are probabilities .* return tf\.log/;
    const images = name.startsWith('of standardized') ? uneven : gray;
    const run = () => attack('D').perturb(classifier, images, zeros);
    t.throws(run, {message});
    if (typeof classifier === 'function') {
      const fast = {...resolveCrafting('fast')!, steps: 1};
      const craft = () =>
        craftFast(
          {...fast, loss: 'crossEntropy', threatModel: new Delta()},
          // Another one, which has not been looked at yet.
          x => classifier(x),
          images,
          zeros,
          1,
        );
      t.throws(craft, {message});
    }
    const leaked = await leakAsync(async () => {
      await t.throwsAsync(
        evaluateRobustness(
          classifier,
          {images, labels: zeros},
          {attacks: ['None']},
        ),
        {message},
      );
    });
    t.is(leaked, 0);
  });
}

test('logits that look like probabilities here and there are not refused', t => {
  const mean = (x: tf.Tensor) => tf.mean(x, [1, 2]) as tf.Tensor2D;
  const both = (a: tf.Tensor, b: tf.Tensor) =>
    tf.concat([a, b], 1) as tf.Tensor2D;
  const classifiers: Classifier[] = [
    // Linear, with a sum of 5 for every image.
    x => both(tf.mul(mean(x), 5), tf.sub(5, tf.mul(mean(x), 5))),
    // Not negative, with other sums for other images.
    x => both(mean(x), tf.square(mean(x))),
    // Decisions without probabilities: warnings say what is wrong with them.
    x => tf.mul(tf.oneHot(tf.argMax(logits(whole, x), 1), 2), 3),
  ];
  for (const classifier of classifiers) {
    const {margin} = attack('D', {steps: 1}).perturb(classifier, gray, zeros);
    t.is(margin.shape[0], 3);
  }
});

/** Functions of saturated probabilities that no structure and no value shows to be that. */
const HIDDEN: Record<string, (x: tf.Tensor4D) => tf.Tensor> = {
  'minus a half': x => tf.sub(predict(x), 0.5),
  'from −1 to 1': x => tf.sub(tf.mul(predict(x), 2), 1),
  'negative ones': x => tf.sub(predict(x), 1),
  'their logarithm, kept finite': x => tf.log(tf.add(predict(x), 1e-7)),
  'a tanh': x => tf.tanh(logits(whole, x)),
};

for (const [name, classifier] of Object.entries(HIDDEN)) {
  test.serial(`${name}: perturb says that the gradient is 0`, async t => {
    const f = (x: tf.Tensor4D) => classifier(x);
    for (const optimizer of ['adam', 'sign', 'apgd'] as const) {
      for (const randomStart of [false, true]) {
        const own = (x: tf.Tensor4D) => classifier(x);
        const search = attack('D', {steps: 3, optimizer, randomStart, seed: 1});
        const run = () => search.perturb(own, gray, zeros);
        const notes = said('warn', () => [run(), run()].forEach(dispose));
        t.is(notes.length, 1, `${optimizer}: ${notes.join()}`);
        t.regex(notes[0], /for 3 of 3 images the gradient was 0 at every step/);
      }
    }
    let stuck = 0;
    const quiet = said('warn', () =>
      dispose(
        attack('D', {steps: 3}).perturb(f, gray, zeros, {
          onZeroGradients: n => (stuck = n),
        }),
      ),
    );
    t.deepEqual([stuck, quiet], [3, []]);
    // Wrong from the start, with nothing to search for, or without gradients: no word.
    const ones = tf.onesLike(zeros);
    const nothing = said('warn', () => {
      dispose(attack('D', {steps: 3}).perturb(f, gray, ones));
      dispose(attack('D', {steps: 0}).perturb(f, gray, zeros));
      dispose(attack('None').perturb(f, gray, zeros));
      const square = attack('D', {steps: 3, optimizer: 'square', seed: 1});
      dispose(square.perturb(f, gray, zeros));
    });
    t.deepEqual(nothing, []);
    const leaked = await leakAsync(
      () =>
        attack('D', {steps: 2}).perturbAsync(
          f,
          gray,
          zeros,
        ) as Promise<unknown>,
    );
    t.is(leaked, 0);
  });
}
