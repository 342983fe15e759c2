import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {
  type Classifier,
  type EvaluateArgs,
  evaluateRobustness,
  logits,
  type WarningCode,
} from '../../src/index.js';
import {missingBackend, usual} from '../helpers/backends.js';
import {MASKS} from '../helpers/masks.js';
import {otherLabels, ownLabels, toyImages, toyModel} from '../helpers/toy.js';

await missingBackend(usual);

const model = toyModel({end: 'softmax', seed: 3});
const images = toyImages(24, {seed: 4});
const labels = ownLabels(model, images);
const honest = (x: tf.Tensor) => logits(model, x as tf.Tensor4D);

/** Margin (mean − level) · slope of class 0. */
const byMean =
  (level: number, slope = 100): Classifier =>
  x => {
    const z = tf.mul(tf.sub(tf.mean(x, [1, 2, 3]), level), slope);
    return tf.stack([z, tf.zerosLike(z)], 1);
  };
const gray = {
  images: tf.add(tf.mul(images, 0.001), 0.5) as tf.Tensor4D,
  labels: tf.zeros([24], 'int32') as tf.Tensor1D,
};

/** Dark, gray or bright: what depends on the scale of the images. */
const brightness = tf.linspace(0.05, 0.95, 24);
const shades = {
  images: tf.mul(
    tf.ones([24, 4, 4, 3]),
    tf.reshape(brightness, [24, 1, 1, 1]),
  ) as tf.Tensor4D,
  labels: tf.tensor1d(
    Array.from({length: 24}, (_, i) => Math.floor(i / 8)),
    'int32',
  ),
};
const shade = (x: tf.Tensor) => {
  const apart = tf.sub(tf.mean(x, [1, 2, 3], true), [0.18, 0.5, 0.82]);
  return tf.neg(tf.square(tf.reshape(apart, [-1, 3])));
};

interface Fault {
  code: WarningCode;
  classifier?: Classifier;
  data?: {images: tf.Tensor4D; labels: tf.Tensor1D};
  args?: Partial<EvaluateArgs>;
  /** What to do about it. */
  advice: RegExp;
}

const FAULTS: Record<string, Fault> = {
  'batch normalization in training mode': {
    code: 'batch-dependent',
    classifier: x => honest(tf.sub(x, tf.mul(tf.mean(x, 0), 0.5))),
    advice: /Run the model in inference mode/,
  },
  'roots of negative numbers': {
    code: 'non-finite-outputs',
    classifier: x => tf.sqrt(honest(x)),
    advice: /Look for overflow/,
  },
  'labels of another order': {
    code: 'clean-accuracy-at-chance',
    data: {images, labels: otherLabels(labels)},
    advice: /Check the weights, the order of the classes/,
  },
  'a model of 0 … 255': {
    code: 'images-wrongly-scaled',
    classifier: x => shade(tf.div(x, 255)),
    data: shades,
    advice: /withPreprocessing\(model, \{stddev: 1\/255\}\)/,
  },
  'a model of −1 … 1': {
    code: 'images-wrongly-scaled',
    classifier: x => shade(tf.div(tf.add(x, 1), 2)),
    data: shades,
    advice: /withPreprocessing\(model, \{mean: 0\.5, stddev: 0\.5\}\)/,
  },
  'images divided by 255 twice': {
    code: 'images-wrongly-scaled',
    data: {images: tf.div(images, 255), labels},
    advice: /divided by 255 twice/,
  },
  'a model of BGR': {
    code: 'channel-order',
    classifier: x => honest(tf.reverse(x, 3)),
    advice: /tf\.reverse\(images, 3\)/,
  },
  'few short steps': {
    code: 'bound-out-of-reach',
    args: {steps: 5},
    advice: /Set learningRate to 0\.020 or take more steps/,
  },
  'too few steps': {
    code: 'not-converged',
    classifier: byMean(0.477),
    data: gray,
    args: {learningRate: 0.0002},
    advice: /Take more steps, a higher learningRate or restarts/,
  },
  'steps that are too long': {
    code: 'best-and-last-apart',
    // A valley beside the image and a deeper one at −0.02, both jumped over.
    classifier: x => {
      const t = tf.sub(tf.mean(x, [1, 2, 3]), 0.5005);
      const near = tf.add(tf.abs(tf.sub(t, 0.005)), 0.01);
      const z = tf.add(tf.minimum(near, tf.abs(tf.add(t, 0.02))), 0.001);
      return tf.stack([z, tf.zerosLike(z)], 1);
    },
    data: gray,
    args: {optimizer: 'sign', learningRate: 0.06, steps: 21},
    advice: /Take a lower learningRate or more steps/,
  },
  'a gradient of zeros': {
    code: 'larger-bound-survived',
    classifier: MASKS['a gradient of zeros'].make(honest),
    advice: /Look for what hides the gradient/,
  },
  'a gradient of zeros, and images that are easily turned': {
    code: 'gradient-free-is-stronger',
    classifier: MASKS['a gradient of zeros'].make(
      byMean(0.49) as (x: tf.Tensor4D) => tf.Tensor,
    ),
    data: gray,
    args: {attacks: ['D(0.1)']},
    advice: /Look for what hides it/,
  },
  'rounded logits': {
    code: 'ties',
    classifier: x => tf.round(honest(x)),
    advice: /Look for rounding, clipping or a dead layer/,
  },
  'a saturated loss': {
    code: 'zero-gradients',
    classifier: x => tf.mul(honest(x), 1e4),
    args: {loss: 'crossEntropy'},
    advice: /Use the loss 'margin'/,
  },
};

for (const [name, fault] of Object.entries(FAULTS)) {
  const {code, classifier = model, data = {images, labels}, args} = fault;
  test.serial(`${name}: ${code}`, async t => {
    const {warnings} = await evaluateRobustness(classifier, data, {
      attacks: ['D'],
      ...args,
    });
    t.log(...warnings.map(w => w.code));
    const own = warnings.find(w => w.code === code);
    t.truthy(own);
    t.regex(own!.message, fault.advice);
  });
}

const COVERED = new Set<string>([
  ...Object.values(FAULTS).map(({code}) => code),
  ...Object.values(MASKS).flatMap(({codes}) => codes),
]);

test('every code has a fault that it fires on', t => {
  const all: Record<WarningCode, true> = {
    'outputs-differ': true,
    'batch-dependent': true,
    'non-finite-outputs': true,
    'constant-outputs': true,
    'saturated-outputs': true,
    ties: true,
    'clean-accuracy-at-chance': true,
    'images-wrongly-scaled': true,
    'channel-order': true,
    'zero-gradients': true,
    'vanishing-gradients': true,
    'exploding-gradients': true,
    'non-finite-gradients': true,
    'misleading-gradients': true,
    'bound-out-of-reach': true,
    'not-converged': true,
    'best-and-last-apart': true,
    'larger-bound-survived': true,
    'gradient-free-is-stronger': true,
  };
  t.deepEqual([...COVERED].sort(), Object.keys(all).sort());
});

test.serial(
  'each is said once on the console, and can be left out',
  async t => {
    const said: string[] = [];
    const {warn} = console;
    console.warn = (message: string) => said.push(message);
    try {
      const args = {attacks: ['None', 'D', 'S'], steps: 4};
      const {warnings} = await evaluateRobustness(
        model,
        {images, labels},
        args,
      );
      t.deepEqual(
        said,
        warnings.map(w => `tfjs-adversarial: ${w.message} [${w.code}]`),
      );
      t.deepEqual(JSON.parse(JSON.stringify(warnings)), warnings);
      const passes = async (warnings: boolean) => {
        let count = 0;
        const counting: Classifier = x => {
          count += x.shape[0];
          return honest(x);
        };
        const all = {images: toyImages(200), labels: tf.zeros([200], 'int32')};
        await evaluateRobustness(
          counting,
          {...all, labels: all.labels as tf.Tensor1D},
          {attacks: ['D'], steps: 100, earlyStop: false, warnings},
        );
        return count;
      };
      said.length = 0;
      const without = await passes(false);
      t.deepEqual(said, []);
      // 16 survivors: 200 steps, 40 steps and 100 queries, and a little for 32 images.
      t.true((await passes(true)) - without < 16 * 450 + 32 * 12);
    } finally {
      console.warn = warn;
    }
  },
);
