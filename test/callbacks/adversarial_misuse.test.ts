import {inspect} from 'node:util';
import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {
  adversarialTraining,
  type AdversarialTrainingArgs,
} from '../../src/callbacks/adversarial_training.js';
import {trades, type TradesArgs} from '../../src/defenses/trades.js';
import {missingBackend, usual} from '../helpers/backends.js';
import {leakAsync} from '../helpers/memory.js';
import {SIZE, toyImages} from '../helpers/toy.js';
import {
  classes,
  compiled,
  type CompileOptions,
  dataset,
  FIT,
  N,
  weightsOf,
  x,
  y,
} from '../helpers/training.js';

await missingBackend(usual);

const ARGS: AdversarialTrainingArgs = {attack: 'D', steps: 1};
const ours = (args: Partial<AdversarialTrainingArgs> = {}) =>
  adversarialTraining({...ARGS, ...args});

interface Misuse {
  options?: CompileOptions;
  images?: () => tf.Tensor;
  labels?: () => tf.Tensor;
  callbacks?: () => unknown;
  message: RegExp;
}

const MISUSES: Record<string, Misuse> = {
  'pixels in 0 … 255': {
    images: () => tf.mul(x, 255),
    message: /Images must be in \[0, 1\].*Divide pixels in 0 … 255 by 255/,
  },
  'normalized pixels': {
    images: () => tf.sub(tf.mul(x, 2), 1),
    message: /Images must be in \[0, 1\].*inside the model/,
  },
  'labels out of range': {
    options: {loss: 'sparseCategoricalCrossentropy', metrics: []},
    labels: () => tf.add(tf.reshape(classes, [-1, 1]), 1),
    message: /Labels must be whole numbers from 0 to 2, but label \d is 3/,
  },
  'labels that are not one-hot': {
    labels: () => tf.mul(y, 2),
    message: /must sum to 1, but row 0 sums to 2/,
  },
  'recoloring of gray images': {
    options: {channels: 1},
    images: () => toyImages(N, {channels: 1}),
    callbacks: () => ours({attack: 'C'}),
    message: /needs RGB images/,
  },
  'a place after a plain object': {
    callbacks: () => [{onEpochEnd: () => {}}, ours()],
    message: /after a plain object.*new tf\.CustomCallback/,
  },
  'two callbacks in one fit': {
    callbacks: () => [ours(), ours({attack: 'S'})],
    message: /two adversarialTraining callbacks.*C\+D/,
  },
};

for (const [
  what,
  {options, images, labels, callbacks, message},
] of Object.entries(MISUSES)) {
  test.serial(`fit refuses ${what} before the first step`, async t => {
    const model = compiled(options);
    const before = weightsOf(model);
    const xs = images?.() ?? x;
    const ys = labels?.() ?? y;
    await t.throwsAsync(
      model.fit(xs, ys, {
        ...FIT,
        callbacks: (callbacks?.() ?? ours()) as tf.CustomCallback,
      }),
      {message},
    );
    t.deepEqual(weightsOf(model), before);
  });
}

test.serial(
  'fitDataset refuses the same, and leaves nothing behind',
  async t => {
    const model = compiled();
    const before = weightsOf(model);
    const bad = tf.data
      .zip({
        xs: tf.data.array([x]).map(t => tf.mul(t as tf.Tensor, 255)),
        ys: tf.data.array([y]),
      })
      .map(({xs, ys}: any) => ({xs: xs.clone(), ys: ys.clone()})); // eslint-disable-line @typescript-eslint/no-explicit-any
    await t.throwsAsync(
      model.fitDataset(bad, {epochs: 1, verbose: 0, callbacks: ours()}),
      {message: /Divide pixels/},
    );
    t.deepEqual(weightsOf(model), before);
  },
);

test.serial(
  'a bad batch in the middle is an error then, without leaks of ours',
  async t => {
    const some = tf.tidy(() =>
      tf.concat([
        tf.slice(x, [0, 0, 0, 0], [4, -1, -1, -1]),
        tf.mul(tf.slice(x, [4, 0, 0, 0], [8, -1, -1, -1]), 9),
      ]),
    );
    const model = compiled();
    const fit = () =>
      t.throwsAsync(model.fit(some, y, {...FIT, callbacks: ours()}), {
        message: /Images must be in/,
      });
    await fit();
    const withUs = await leakAsync(async () => void (await fit()));
    // What tfjs leaves when any callback throws at the same place.
    const broken = new tf.CustomCallback({
      onBatchBegin: async batch => {
        if (batch === 1) throw new Error('here');
      },
    });
    const plain = await leakAsync(async () => {
      await t.throwsAsync(model.fit(x, y, {...FIT, callbacks: broken}));
    });
    t.true(withUs <= plain + 16, `${withUs} tensors, ${plain} without us`);
  },
);

const MODELS: Record<string, [make: () => tf.LayersModel, message: RegExp]> = {
  'two inputs': [
    () => {
      const inputs = [1, 2].map(() => tf.input({shape: [SIZE, SIZE, 3]}));
      const sum = tf.layers.add().apply(inputs) as tf.SymbolicTensor;
      const flat = tf.layers.flatten().apply(sum) as tf.SymbolicTensor;
      const outputs = tf.layers.dense({units: 3, activation: 'softmax'});
      return tf.model({
        inputs,
        outputs: outputs.apply(flat) as tf.SymbolicTensor,
      });
    },
    /one input .* but it has 2 and 1/,
  ],
  'two outputs': [
    () => {
      const inputs = tf.input({shape: [SIZE, SIZE, 3]});
      const flat = tf.layers.flatten().apply(inputs) as tf.SymbolicTensor;
      const outputs = [1, 2].map(
        () =>
          tf.layers
            .dense({units: 3, activation: 'softmax'})
            .apply(flat) as tf.SymbolicTensor,
      );
      return tf.model({inputs, outputs});
    },
    /one output .* but it has 1 and 2/,
  ],
  'rows for images': [
    () =>
      tf.sequential({
        layers: [
          tf.layers.dense({
            units: 3,
            activation: 'softmax',
            inputShape: [SIZE * SIZE * 3],
          }),
        ],
      }),
    /input must be images \[N, H, W, C\]/,
  ],
  'one sigmoid unit': [
    () =>
      tf.sequential({
        layers: [
          tf.layers.flatten({inputShape: [SIZE, SIZE, 3]}),
          tf.layers.dense({units: 1, activation: 'sigmoid'}),
        ],
      }),
    /at least 2 logits/,
  ],
};

for (const [what, [make, message]] of Object.entries(MODELS)) {
  test.serial(
    `a model with ${what} is refused before the first step`,
    async t => {
      const model = make();
      model.compile({optimizer: 'sgd', loss: 'meanSquaredError'});
      const before = weightsOf(model);
      const xs = model.inputs.map(({shape}) =>
        tf.reshape(x, [N, ...(shape.slice(1) as number[])]),
      );
      const ys = model.outputs.map(({shape}) =>
        tf.slice(y, [0, 0], [-1, shape[1]!]),
      );
      await t.throwsAsync(model.fit(xs, ys, {...FIT, callbacks: ours()}), {
        message,
      });
      t.deepEqual(weightsOf(model), before);
    },
  );
}

const REFUSED: Array<[args: object | undefined, message: RegExp]> = [
  [undefined, /needs an attack, for instance/],
  [{}, /needs an attack/],
  [{attack: 'X'}, /'X' is not a term. Allowed are C, C-RGB/],
  [{attack: {}}, /threat model/],
  [{...ARGS, mix: 'half'}, /mix must be 'adversarial' or 'both'/],
  [{...ARGS, mix: 'both', objective: trades()}, /leave out mix: 'both'/],
  [{...ARGS, targeted: true}, /cannot be targeted/],
  [{...ARGS, every: 0}, /every must be a whole number of at least 1/],
  [{...ARGS, every: 1.5}, /every must be/],
  [{...ARGS, warmUpEpochs: -1}, /warmUpEpochs must be/],
  [{...ARGS, warmUpEpochs: NaN}, /warmUpEpochs must be/],
  [{...ARGS, steps: -1}, /steps must be a whole number/],
  [{...ARGS, epsilon: 0.1}, /no attack option 'epsilon'/],
  [{...ARGS, step: 5}, /no attack option 'step'/],
  [{...ARGS, objective: 'trades'}, /objective.*trades\(\)/],
  [{...ARGS, objective: trades}, /objective.*trades\(\)/],
  [{...ARGS, cleanMetrics: 'no'}, /cleanMetrics must be true or false/],
  [{...ARGS, tensorBoard: 5}, /writer/],
];

for (const [args, message] of REFUSED) {
  test(`adversarialTraining(${inspect(args, {depth: 1})}) is refused`, t => {
    t.regex(
      t.throws(() => adversarialTraining(args as AdversarialTrainingArgs))
        .message,
      message,
    );
  });
}

for (const args of [
  {beta: -1},
  {beta: NaN},
  {beta: Infinity},
  {beta: '6'},
  {startStddev: -1},
  {startDeviation: -1},
]) {
  test(`trades(${inspect(args)}) is refused`, t => {
    t.regex(
      t.throws(() => trades(args as TradesArgs)).message,
      /must be a number of at least 0/,
    );
  });
}

test.serial(
  'a plain object after ours is an error of tfjs, before any step',
  async t => {
    const model = compiled();
    const before = weightsOf(model);
    await t.throwsAsync(
      model.fitDataset(dataset(), {
        epochs: 1,
        verbose: 0,
        callbacks: [
          ours(),
          {onEpochEnd: () => {}},
        ] as unknown as tf.CustomCallback[],
      }),
    );
    t.deepEqual(weightsOf(model), before);
  },
);
