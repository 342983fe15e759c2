import * as tf from '@tensorflow/tfjs';
import test from 'ava';

// What src/tfjs/README.md lists: each fails where a new tfjs differs.

const model = () => {
  // Functional: a sequential model hands its fit on to one that it holds.
  const input = tf.input({shape: [2, 2, 1]});
  const flat = tf.layers.flatten().apply(input);
  const dense = tf.layers.dense({units: 2, activation: 'softmax'});
  const outputs = dense.apply(flat) as tf.SymbolicTensor;
  const made = tf.model({inputs: input, outputs});
  made.compile({optimizer: tf.train.adam(), loss: 'categoricalCrossentropy'});
  return made;
};

type Open = Record<string, unknown>;

test.serial(
  'a fit makes a train function, then announces the model',
  async t => {
    const events: string[] = [];
    const made = model();
    const open = made as unknown as {makeTrainFunction(): unknown};
    const original = open.makeTrainFunction.bind(made);
    open.makeTrainFunction = () => {
      events.push('train function');
      void Promise.resolve().then(() => events.push('next tick'));
      return original();
    };
    class Spy extends tf.CustomCallback {
      override setModel() {
        events.push('model');
      }
    }
    await made.fit(tf.zeros([2, 2, 2, 1]), tf.oneHot([0, 1], 2), {
      epochs: 1,
      verbose: 0,
      callbacks: new Spy({}),
    });
    t.deepEqual(events.slice(0, 3), ['train function', 'model', 'next tick']);
  },
);

test('a compiled model has what a training step needs', t => {
  const made = model() as unknown as Open;
  for (const field of ['lossFunctions', 'metricsTensors', 'metricsNames']) {
    t.true(Array.isArray(made[field]), field);
  }
  t.is(typeof made.calculateLosses, 'function');
  const weights = made.collectedTrainableWeights as {read(): tf.Variable}[];
  t.true(weights.every(w => w.read() instanceof tf.Variable));
});

test('a layer has an activation that can be swapped', t => {
  const layer = model().layers[2] as unknown as {
    activation: {apply: unknown; getClassName(): string};
  };
  t.is(layer.activation.getClassName(), 'softmax');
  t.is(typeof layer.activation.apply, 'function');
});

test('optimizers have a learning rate, moments and products', t => {
  for (const optimizer of [tf.train.sgd(0.1), tf.train.momentum(0.1, 0.9)]) {
    const open = optimizer as unknown as Open;
    t.is(typeof open.setLearningRate, 'function');
    t.is(open.learningRate, 0.1);
  }
  const adam = tf.train.adam(0.1);
  const x = tf.variable(tf.scalar(1));
  adam.minimize(() => tf.square(x) as tf.Scalar, false, [x]);
  const open = adam as unknown as Open;
  t.is(open.learningRate, 0.1);
  t.true(open.accBeta1 instanceof tf.Variable);
  t.true(open.accBeta2 instanceof tf.Variable);
  for (const list of ['accumulatedFirstMoment', 'accumulatedSecondMoment']) {
    const [entry] = open[list] as {originalName: string; variable: unknown}[];
    t.is(typeof entry.originalName, 'string');
    t.true(entry.variable instanceof tf.Variable);
  }
});

test("filter gradients are kernels with a filterShape, run with the input's", t => {
  const shapes: unknown[] = [];
  const name = 'Conv2DBackpropFilter';
  const original = tf.getKernel(name, 'cpu');
  tf.unregisterKernel(name, 'cpu');
  tf.registerKernel({
    ...original,
    kernelFunc: args => {
      shapes.push(args.attrs!.filterShape);
      return original.kernelFunc(args);
    },
  });
  try {
    const layer = tf.layers.conv2d({filters: 1, kernelSize: 1, useBias: false});
    tf.grad(x => tf.sum(layer.apply(x) as tf.Tensor))(tf.ones([1, 2, 2, 1]));
  } finally {
    tf.unregisterKernel(name, 'cpu');
    tf.registerKernel(original);
  }
  t.deepEqual(shapes, [[1, 1, 1, 1]]);
});
