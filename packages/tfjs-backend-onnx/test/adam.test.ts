import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {useOnnx} from '../src/index.js';

interface Turn {
  learningRate?: number;
  /** Variables that get no gradient. */
  without?: string[];
}

/** Numbers of a variable that is updated by itself. */
const LARGE = 20000;

/** Gradients that change from step to step, some of them huge, some zero. */
function gradientsAt(step: number, without: string[] = []) {
  const all = {
    matrix: tf.mul(tf.tensor2d([[1, -2, 0], [1e-5, 3e4, -7]]), step + 1), // prettier-ignore
    number: tf.scalar(Math.sin(step)),
    quiet: tf.tensor1d([step - 1]),
    large: tf.mul(tf.linspace(-1, 1, LARGE), step - 2),
  };
  return Object.entries(all).map(([name, tensor]) => ({
    name,
    tensor: without.includes(name) ? (null as never) : (tensor as tf.Tensor),
  }));
}

const turns: Turn[] = [
  {},
  {},
  {learningRate: 0.5},
  {without: ['number']},
  {},
  {learningRate: 0.01},
];

/** What the variables and Adam's moments are after all turns; saved and restored after the third. */
async function train(asObject: boolean): Promise<number[][]> {
  const variables = [
    tf.variable(tf.tensor2d([[1, 2, 3], [4, 5, 6]]), true, 'matrix'), // prettier-ignore
    tf.variable(tf.scalar(-1), true, 'number'),
    tf.variable(tf.tensor1d([0.5]), true, 'quiet'),
    tf.variable(tf.zeros([LARGE]), true, 'large'),
  ];
  let optimizer = tf.train.adam(0.1, 0.8, 0.99, 1e-4);
  for (const [i, {learningRate, without}] of turns.entries()) {
    if (learningRate) {
      (optimizer as unknown as {learningRate: number}).learningRate =
        learningRate;
    }
    tf.tidy(() => {
      const gradients = gradientsAt(i, without);
      optimizer.applyGradients(
        asObject
          ? (Object.fromEntries(
              gradients.map(g => [g.name, g.tensor]),
            ) as tf.NamedTensorMap as never)
          : gradients,
      );
    });
    if (i === 2) {
      const weights = await optimizer.getWeights();
      const copies = weights.map(w => ({...w, tensor: w.tensor.clone()}));
      const {learningRate: rate} = optimizer.getConfig() as {
        learningRate: number;
      };
      optimizer.dispose();
      optimizer = tf.train.adam(rate, 0.8, 0.99, 1e-4);
      await optimizer.setWeights(copies);
    }
  }
  const state = (await optimizer.getWeights()).map(w => w.tensor);
  const found = [...variables, ...state].map(v => Array.from(v.dataSync()));
  optimizer.dispose();
  state[0].dispose();
  variables.forEach(v => v.dispose());
  return found;
}

for (const asObject of [false, true]) {
  const form = asObject ? 'an object' : 'a list';
  test.serial(`gradients as ${form}: what cpu gets`, async t => {
    await tf.setBackend('cpu');
    const expected = await train(asObject);
    await useOnnx();
    const found = await train(asObject);
    t.is(found.length, expected.length);
    const flat = found.flat();
    const wrong = expected.flat().flatMap((e, i) => {
      const f = flat[i];
      const near = Math.abs(f - e) <= 1e-5 * Math.max(1, Math.abs(e));
      return near ? [] : [`${f}, ${e}`];
    });
    t.deepEqual(wrong, []);
  });
}

test.serial(
  'from the second step on one kernel for all small variables',
  async t => {
    await useOnnx();
    const x = tf.variable(tf.tensor1d([1, 2, 3]), true, 'x');
    const y = tf.variable(tf.scalar(4), true, 'y');
    const z = tf.variable(tf.ones([LARGE]), true, 'z');
    const optimizer = tf.train.adam(0.1);
    const step = () =>
      optimizer.minimize(() => tf.sum(tf.mul(tf.sum(x), tf.mul(y, z))));
    step();
    step();
    const before = tf.memory().numTensors;
    const {kernels} = await tf.profile(() => step()!);
    const kernelNames = kernels.map(k => k.name);
    t.is(tf.memory().numTensors, before);
    t.is(kernelNames.filter(k => k === 'AdamUpdate').length, 2);
    t.false(kernelNames.includes('Sqrt'));
    const {iterations} = optimizer;
    t.is(iterations, 3);
    tf.dispose([x, y, z]);
    optimizer.dispose();
  },
);
