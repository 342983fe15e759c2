import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {attack} from '../../src/attacks/attack.js';
import {oneHotLabels} from '../../src/data/validate.js';
import {missingBackend, usual} from '../helpers/backends.js';
import {leak} from '../helpers/memory.js';
import {ownLabels, toyImages, toyModel} from '../helpers/toy.js';

await missingBackend(usual);

const model = toyModel();
const images = toyImages(2);
const labels = tf.tensor1d([0, 2], 'int32');
const {perturb} = attack('D', {steps: 1});

const IMAGES: Array<[what: string, make: () => unknown, message: RegExp]> = [
  ['no tensor', () => [[0.5]], /tensor of shape \[N, H, W, C\]/],
  ['nothing', () => undefined, /tensor of shape \[N, H, W, C\]/],
  ['one image', () => tf.zeros([6, 6, 3]), /expandDims\(0\)/],
  ['rows', () => tf.zeros([2, 108]), /\[N, H, W, C\], but have \[2,108\]/],
  ['an empty batch', () => tf.zeros([0, 6, 6, 3]), /batch is empty/],
  [
    'whole numbers',
    () => tf.zeros([2, 6, 6, 3], 'int32'),
    /float32 in \[0, 1\], but are int32.*div\(255\)/,
  ],
  ['pixels in 0 … 255', () => tf.mul(images, 255), /Divide pixels .* by 255/],
  [
    'normalized pixels',
    () => tf.sub(tf.mul(images, 2), 1),
    /Undo any normalization.*inside the model/,
  ],
  ['slightly negative ones', () => tf.sub(images, 0.5), /span \[-0\./],
  [
    'NaN',
    () =>
      tf.where(tf.greater(images, 0.98), tf.fill(images.shape, NaN), images),
    /contain NaN/,
  ],
  [
    'Infinity',
    () =>
      tf.where(
        tf.greater(images, 0.98),
        tf.fill(images.shape, Infinity),
        images,
      ),
    /span \[.*Infinity\]/,
  ],
];

for (const [what, make, message] of IMAGES) {
  test.serial(`images that are ${what} are refused before any work`, t => {
    let calls = 0;
    const bad = make() as tf.Tensor4D;
    const left = leak(() => {
      const error = t.throws(() =>
        perturb(
          () => {
            calls++;
            return tf.zeros([2, 3]);
          },
          bad,
          labels,
        ),
      );
      t.regex(error.message, message);
      return null;
    });
    t.is(left, 0);
    t.is(calls, 0);
  });
}

test.serial('rounding outside [0, 1] is let pass, and is not returned', t => {
  const nearly = tf.tidy(() => tf.add(tf.round(images), 5e-7)) as tf.Tensor4D;
  const {adversarial} = perturb(model, nearly, labels);
  t.true(adversarial.dataSync().every(v => v >= 0 && v <= 1));
});

const LABELS: Array<[what: string, make: () => unknown, message: RegExp]> = [
  ['no tensor', () => [0, 2], /tensor of class indices \[N\] or one-hot/],
  ['nothing', () => undefined, /tensor of class indices/],
  ['too many', () => tf.tensor1d([0, 1, 2], 'int32'), /\[2\].*but have \[3\]/],
  ['one for all', () => tf.scalar(1), /must have the shape \[2\]/],
  [
    'rows of too many classes',
    () => tf.oneHot(tf.tensor1d([0, 1], 'int32'), 4),
    /\[2, 3\] \(one-hot\), but have \[2,4\]/,
  ],
  ['of rank 3', () => tf.zeros([2, 3, 1]), /\[2,3,1\]/],
  [
    'out of range',
    () => tf.tensor1d([0, 3], 'int32'),
    /whole numbers from 0 to 2, but label 1 is 3/,
  ],
  ['negative', () => tf.tensor1d([-1, 0], 'int32'), /label 0 is -1/],
  ['not whole', () => tf.tensor1d([0, 0.5]), /label 1 is 0\.5/],
  ['NaN', () => tf.tensor1d([NaN, 0]), /label 0 is NaN/],
  [
    'rows that do not sum to 1',
    () =>
      tf.tensor2d([
        [1, 0, 0],
        [1, 1, 0],
      ]),
    /row 1 sums to 2/,
  ],
  [
    'rows of NaN',
    () =>
      tf.tensor2d([
        [NaN, 0, 0],
        [1, 0, 0],
      ]),
    /row 0 sums to NaN/,
  ],
  [
    'rows with negative numbers',
    () =>
      tf.tensor2d([
        [2, -1, 0],
        [1, 0, 0],
      ]),
    /must not be negative/,
  ],
];

for (const [what, make, message] of LABELS) {
  test.serial(`labels that are ${what} are refused`, t => {
    const bad = make() as tf.Tensor1D;
    const left = leak(() => {
      t.regex(t.throws(() => perturb(model, images, bad)).message, message);
      return null;
    });
    t.is(left, 0);
  });
}

test.serial('labels are taken in every form and type that says the same', t => {
  const own = ownLabels(model, images);
  const indices = [...own.dataSync()];
  const wanted = [...perturb(model, images, own).adversarial.dataSync()];
  const rows = indices.map(k => [0, 1, 2].map(c => (c === k ? 1 : 0)));
  for (const same of [
    tf.tensor1d(indices),
    tf.tensor2d(indices, [2, 1]),
    tf.tensor2d(indices, [2, 1], 'int32'),
    tf.tensor2d(rows),
    tf.tensor2d(rows, [2, 3], 'int32'),
    tf.tensor2d(rows, [2, 3], 'bool'),
    // The likeliest class of smoothed labels.
    tf.tensor2d(rows.map(row => row.map(v => 0.1 + 0.7 * v))),
  ]) {
    const found = perturb(model, images, same as tf.Tensor2D);
    t.deepEqual([...found.adversarial.dataSync()], wanted);
  }
});

test.serial('one-hot labels of a single example', t => {
  const one = oneHotLabels(tf.tensor2d([[0, 0, 1]]), 1, 3);
  t.deepEqual(one.arraySync(), [[0, 0, 1]]);
  const index = oneHotLabels(tf.tensor2d([[2]]), 1, 3);
  t.deepEqual(index.arraySync(), [[0, 0, 1]]);
});

const CLASSIFIERS: Array<[what: string, make: () => unknown, message: RegExp]> =
  [
    ['nothing', () => undefined, /classifier/],
    ['null', () => null, /classifier/],
    ['an object', () => ({predict: 1}), /classifier/],
    [
      'a function to no tensor',
      () => () => [[1, 2]],
      /must return a tensor of logits, synchronously/,
    ],
    ['an async function', () => async () => tf.zeros([2, 3]), /synchronously/],
    [
      'a function to one number an image',
      () => (x: tf.Tensor4D) => tf.zeros([x.shape[0], 1]),
      /at least 2 logits.*sigmoid/,
    ],
    [
      'a function to a row for all',
      () => () => tf.zeros([3]),
      /row of logits for each of/,
    ],
    [
      'a sequential model of no layers',
      () => tf.sequential(),
      /but it has 0 and 0/,
    ],
    [
      'a model of rows',
      () =>
        tf.sequential({
          layers: [tf.layers.dense({units: 3, inputShape: [108]})],
        }),
      /input must be images/,
    ],
    [
      'a model of two inputs',
      () => {
        const inputs = [1, 2].map(() => tf.input({shape: [6, 6, 3]}));
        const sum = tf.layers.add().apply(inputs) as tf.SymbolicTensor;
        const flat = tf.layers.flatten().apply(sum) as tf.SymbolicTensor;
        return tf.model({inputs, outputs: flat});
      },
      /one input .* and one output .* but it has 2 and 1/,
    ],
    [
      'a model of two outputs',
      () => {
        const inputs = tf.input({shape: [6, 6, 3]});
        const flat = tf.layers.flatten().apply(inputs) as tf.SymbolicTensor;
        const outputs = [1, 2].map(
          () => tf.layers.dense({units: 3}).apply(flat) as tf.SymbolicTensor,
        );
        return tf.model({inputs, outputs});
      },
      /but it has 1 and 2.*tf\.model/,
    ],
  ];

for (const [what, make, message] of CLASSIFIERS) {
  test.serial(`a classifier that is ${what} is refused`, t => {
    const bad = make() as tf.LayersModel;
    const error = t.throws(() => perturb(bad, images, labels));
    t.regex(error.message, message);
  });
}

test.serial('recoloring needs three channels, the others do not', t => {
  const gray = toyImages(2, {channels: 1});
  const grayModel = toyModel({channels: 1});
  const {message} = t.throws(() =>
    attack('C', {steps: 1}).perturb(grayModel, gray, labels),
  );
  t.regex(message, /RGB images .* but got \[2,6,6,1\].*D and S/);
  const own = ownLabels(grayModel, gray);
  const found = attack('S+D', {steps: 2}).perturb(grayModel, gray, own);
  t.deepEqual(found.adversarial.shape, [2, 6, 6, 1]);
});
