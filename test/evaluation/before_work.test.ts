import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {
  attack,
  type Classifier,
  type EvaluateArgs,
  evaluateRobustness,
  type Examples,
  ImageSet,
} from '../../src/index.js';
import {missingBackend, usual} from '../helpers/backends.js';
import {graphModel, graphWeights} from '../helpers/graph_model.js';
import {leakAsync} from '../helpers/memory.js';
import {CLASSES, ownLabels, SIZE, toyImages, toyModel} from '../helpers/toy.js';

await missingBackend(usual);

const N = 10;
const model = toyModel({seed: 3});
const x = toyImages(N, {seed: 1});
const y = ownLabels(model, x);
const graph = await graphModel(graphWeights());
const gray = toyModel({channels: 1});

const images = (...shape: number[]) =>
  tf.zeros([N, ...shape]) as unknown as tf.Tensor4D;

const NAN = tf.tidy(() =>
  tf.concat([tf.slice(x, 0, N - 1), tf.fill([1, SIZE, SIZE, 3], NaN)]),
);
const rows = (t: tf.Tensor) => tf.data.array(tf.unstack(t));
const dataset = (xs: tf.Tensor, ys: tf.Tensor) =>
  tf.data.zip({xs: rows(xs), ys: rows(ys)});
const wrongLast = tf.tidy(() =>
  tf.concat([tf.slice(y, 0, N - 1), tf.tensor1d([CLASSES], 'int32')]),
);
const set = (size: number, labels: number[]) =>
  new ImageSet(
    new Uint8Array(labels.length * size * size * 3),
    Uint8Array.from(labels),
    [size, size, 3],
    ['a', 'b', 'c', 'd'],
  );

/** What nobody could evaluate on: the last example shows it, or the last attack. */
const BAD_DATA: Record<string, [data: () => unknown, message: RegExp]> = {
  'a NaN in the last image': [
    () => ({images: NAN, labels: y}),
    /contain NaN. Look for a division by 0/,
  ],
  'a NaN in the last batch': [() => dataset(NAN, y).batch(4), /contain NaN/],
  'a label out of range': [
    () => ({images: x, labels: wrongLast}),
    /whole numbers from 0 to 2, but label 9 is 3/,
  ],
  'a label out of range in the last batch': [
    () => dataset(x, wrongLast).batch(4),
    /from 0 to 2, but label 1 is 3/,
  ],
  'a label out of range in an image set': [
    () => set(SIZE, [0, 3]),
    /from 0 to 2, but label 1 is 3/,
  ],
  'labels in a plain array': [
    () => ({images: x, labels: new Array(N).fill(0)}),
    /write tf\.tensor1d\(labels, 'int32'\)/,
  ],
  'labels of another number': [
    () => ({images: x, labels: tf.zeros([N - 1], 'int32')}),
    /shape \[10\].*but have \[9\]/,
  ],
  'images of another size': [
    () => ({images: images(8, 8, 3), labels: y}),
    /takes images of the shape \[N, 6, 6, 3\], but these have \[10, 8, 8, 3\]/,
  ],
  'channels first': [
    () => ({images: images(3, SIZE, SIZE), labels: y}),
    /\[N, 6, 6, 3\], but these have \[10, 3, 6, 6\]/,
  ],
  'an image set of another size': [
    () => set(8, [0, 1]),
    /\[N, 6, 6, 3\], but these have \[2, 8, 8, 3\]/,
  ],
  'an infinite pixel': [
    () => ({images: tf.add(x, Infinity), labels: y}),
    /in \[0, 1\], but span/,
  ],
  'whole numbers': [
    () => ({images: tf.cast(x, 'int32'), labels: y}),
    /must be float32 in \[0, 1\], but are int32/,
  ],
  'no images': [
    () => ({images: tf.zeros([0, 6, 6, 3]), labels: tf.zeros([0], 'int32')}),
    /the batch is empty/,
  ],
  'an empty dataset': [() => tf.data.array([]), /the dataset is empty/],
  'an empty image set': [() => set(SIZE, []), /the image set is empty/],
  'a dataset of pairs': [
    () => tf.data.zip([rows(x), rows(y)]).batch(4),
    /must give objects \{xs: images, ys: labels\}/,
  ],
  'a dataset that is not batched': [
    () => dataset(x, y),
    /must be batched, but gives single images \[6,6,3\]/,
  ],
  'a dataset without an end': [
    () => dataset(x, y).batch(4).repeat(),
    /repeats without an end/,
  ],
  'batches of images of several sizes': [
    () =>
      tf.data.array([
        {xs: tf.clone(x), ys: tf.clone(y)},
        {xs: images(8, 8, 3), ys: tf.clone(y)},
      ]),
    /must have one size, but there are \[6,6,3\] and \[8,8,3\]/,
  ],
  'xs and ys': [() => ({xs: x, ys: y}), /Write \{images: xs, labels: ys\}/],
  nothing: [() => undefined, /Examples are \{images, labels\}.*undefined/],
};

const run = (
  data: unknown,
  args: Partial<EvaluateArgs> = {},
  classifier: Classifier = model,
) =>
  evaluateRobustness(classifier, data as Examples, {
    attacks: ['None', 'D', 'S', 'C'],
    steps: 2,
    ...args,
    onProgress: () => {
      throw new Error('A search has ended.');
    },
  });

for (const [name, [data, message]] of Object.entries(BAD_DATA)) {
  test.serial(`${name}: one sentence before any work`, async t => {
    for (const classifier of [model, graph]) {
      await t.throwsAsync(run(data(), {}, classifier), {message});
    }
  });
}

const good = {images: x, labels: y};
const zeros = tf.zeros([N], 'int32') as tf.Tensor1D;
const two = (x: tf.Tensor4D) =>
  tf.slice(tf.sub(tf.mean(x, [1, 2]), 0.5), [0, 0], [-1, 2]);

/** What only a step of a search shows. */
const BAD_SEARCHES: Record<
  string,
  [args: Partial<EvaluateArgs>, classifier: Classifier, message: RegExp]
> = {
  'a loss that needs more classes': [
    {loss: 'dlr'},
    two,
    /compares the 3 largest logits, but the classifier has 2/,
  ],
  'a custom loss of another shape': [
    {loss: z => tf.mean(z) as unknown as tf.Tensor1D},
    model,
    /custom loss must return one number per example/,
  ],
  'a custom loss that is a promise': [
    {loss: (async () => null) as never},
    model,
    /but returned a promise/,
  ],
  'a classifier that reads its tensors': [
    {},
    x => tf.tensor2d(two(x).arraySync() as number[][]),
    /cannot be differentiated with respect to the images/,
  ],
  'an op without a gradient': [
    {},
    x => two(tf.einsum('nhwc->nhwc', x) as tf.Tensor4D),
    /the op Einsum, which has no gradient in TensorFlow\.js/,
  ],
  'a strong evaluation of an op without a gradient': [
    {attacks: ['strong(D)']},
    x => two(tf.einsum('nhwc->nhwc', x) as tf.Tensor4D),
    /the op Einsum, which has no gradient in TensorFlow\.js/,
  ],
};

for (const [name, [args, classifier, message]] of Object.entries(
  BAD_SEARCHES,
)) {
  test.serial(`${name}: before the first search, without a leak`, async t => {
    for (const warnings of [true, false]) {
      const leaked = await leakAsync(async () => {
        const data = classifier === model ? good : {images: x, labels: zeros};
        await t.throwsAsync(run(data, {...args, warnings}, classifier), {
          message,
        });
      });
      t.is(leaked, 0);
    }
  });
}

test('options that are none', async t => {
  for (const [args, message] of [
    [{signal: 3}, /signal must be an AbortSignal/],
    [{batchSize: 0}, /batchSize must be a whole number of at least 1/],
    [{warnings: 'no'}, /warnings must be true or false/],
    [{attacks: 'D'}, /needs a list of attacks/],
    [{attacks: ['D', 'D(8/255)']}, /D is in the list twice/],
    [{epsilon: 0.1}, /A bound belongs to the attack/],
    [{loss: 'kl', targeted: true}, /knows no target/],
    [{loss: 'dlr', confidence: 1}, /clamps the loss 'margin' only/],
  ] as Array<[Partial<EvaluateArgs>, RegExp]>) {
    await t.throwsAsync(run(good, args), {message});
  }
  await t.throwsAsync(
    evaluateRobustness(model, good, {attacks: ['D'], onProgress: 3 as never}),
    {message: /onProgress must be a function, but is 3/},
  );
  await t.throwsAsync(
    run({images: tf.zeros([N, SIZE, SIZE, 1]), labels: y}, {}, gray),
    {message: /ReColor \(C\) needs RGB images/},
  );
});

test.serial('channels that come first', async t => {
  // A classifier of such images, whichever size they have.
  const first: Classifier = x => {
    const each = tf.mean(x, [2, 3]);
    return tf.concat([each, tf.neg(each)], 1);
  };
  for (const shape of [
    [1, 8, 6],
    [3, 5, 5],
    [4, 9, 16],
  ] as Array<[number, number, number]>) {
    const images = tf.fill([2, ...shape], 0.4) as tf.Tensor4D;
    const data = {images, labels: tf.zeros([2], 'int32') as tf.Tensor1D};
    for (const spec of ['S', 'D+S', 'strong(S)']) {
      await t.throwsAsync(
        evaluateRobustness(first, data, {attacks: ['None', spec], steps: 1}),
        {message: /channels seem to come first: use tf.transpose/},
      );
    }
    t.throws(() => attack('S').perturb(first, images, data.labels), {
      message: /channels seem to come first/,
    });
    await t.notThrowsAsync(
      evaluateRobustness(first, data, {
        attacks: ['D'],
        steps: 1,
        warnings: false,
      }),
    );
  }
});

test('a search without gradients asks for none', async t => {
  const classifier: Classifier = x =>
    two(tf.einsum('nhwc->nhwc', x) as tf.Tensor4D);
  const own = tf.tidy(() => tf.argMax(two(x), 1)) as tf.Tensor1D;
  const {results} = await evaluateRobustness(
    classifier,
    {images: x, labels: own},
    {
      attacks: ['D(0.3)'],
      optimizer: 'square',
      steps: 50,
      seed: 1,
    },
  );
  t.true(results[0].accuracy < 0.5);
});

/** Labels and data in other forms that say the same. */
test.serial('the same examples in every form give the same result', async t => {
  const hot = tf.oneHot(tf.cast(y, 'int32'), CLASSES);
  const args = {attacks: ['None', 'D'], steps: 3, warnings: false};
  const {results, worstCase} = await evaluateRobustness(model, good, args);
  t.true(worstCase > 0 && worstCase < 1);
  const same = async (data: unknown) => {
    const found = await evaluateRobustness(model, data as Examples, args);
    t.deepEqual(
      found.results.map(({correct}) => correct),
      results.map(({correct}) => correct),
    );
  };
  await same({images: x, labels: hot});
  await same({images: x, labels: tf.cast(hot, 'bool')});
  await same({images: x, labels: tf.cast(y, 'float32')});
  await same({images: x, labels: tf.reshape(y, [-1, 1])});
  await same(dataset(x, y).batch(4));
  await same(dataset(x, tf.cast(hot, 'float32')).batch(3));
  await same(dataset(x, y).batch(N));
  const shuffled = await evaluateRobustness(
    model,
    dataset(x, y).shuffle(N).batch(4),
    {...args, attacks: ['None', 'D', 'D(0.0314)']},
  );
  t.is(shuffled.worstCase, worstCase);
});

test.serial('a dataset without an end can be stopped', async t => {
  let given = 0;
  function* forever() {
    for (;;) {
      given++;
      yield {xs: tf.zeros([SIZE, SIZE, 3]), ys: 0};
    }
  }
  const controller = new AbortController();
  // Timers go on while it is read.
  setTimeout(() => controller.abort(), 100);
  const report = await evaluateRobustness(
    model,
    tf.data.generator(forever as never).batch(4) as never,
    {attacks: ['None', 'D'], signal: controller.signal},
  );
  t.true(given >= report.examples && report.examples > 0);
  t.deepEqual([report.results, report.unfinished], [[], ['None', 'D']]);
});

test.serial('whatever else a batch holds is disposed', async t => {
  const more = dataset(x, y)
    .batch(4)
    .map(batch => ({...(batch as object), weight: tf.ones([4])}));
  const leaked = await leakAsync(async () => {
    await evaluateRobustness(model, more, {attacks: ['None']});
  });
  t.is(leaked, 0);
});

test.serial('an error inside a search leaves no tensors behind', async t => {
  const failing: Array<() => unknown> = [];
  for (const at of [1, 4, 7]) {
    let passes = 0;
    failing.push(() =>
      attack('C+S+D', {steps: 10, restarts: 2, seed: 1}).perturb(
        x => {
          if (++passes > at) throw new Error('broken');
          return two(x);
        },
        x,
        zeros,
      ),
    );
    let gradients = 0;
    const passOn = tf.customGrad((z: tf.Tensor | tf.GradSaveFunc) => ({
      value: tf.clone(z as tf.Tensor),
      gradFunc: (dy: tf.Tensor) => {
        if (++gradients > at) throw new Error('broken');
        return dy;
      },
    }));
    failing.push(() =>
      attack('D', {steps: 10, optimizer: 'apgd'}).perturb(
        x => passOn(two(x)) as tf.Tensor,
        x,
        zeros,
      ),
    );
  }
  for (const fail of failing) {
    const leaked = await leakAsync(async () => {
      tf.tidy(() => {
        t.throws(fail, {message: 'broken'});
      });
    });
    t.is(leaked, 0);
  }
});
