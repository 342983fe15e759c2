import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {
  adam,
  apgd,
  type AttackOptimizer,
  sign,
  type UpdateArgs,
} from '../../src/attacks/optimizers.js';
import {steepest} from '../../src/attacks/optimizers/direction.js';
import {attack, type AttackOptions, Delta} from '../../src/index.js';
import {missingBackend, usual} from '../helpers/backends.js';
import {leak} from '../helpers/memory.js';

await missingBackend(usual);

const values = (t: tf.Tensor) => [...t.dataSync()];
const close = (got: tf.Tensor, wanted: ArrayLike<number>, tolerance = 1e-6) =>
  got.size === wanted.length &&
  got.dataSync().every((v, i) => Math.abs(v - wanted[i]) <= tolerance);

/** One update, with what the optimizer does not look at filled in. */
const update = (
  optimizer: AttackOptimizer,
  args: Pick<UpdateArgs, 'parameters' | 'gradients' | 'state' | 'step'> &
    Partial<UpdateArgs>,
) =>
  optimizer.update({
    losses: tf.zeros([args.parameters[0].shape[0]]),
    steps: 10,
    bounds: args.parameters.map(() => 1),
    norms: args.parameters.map(() => 'linf'),
    images: tf.zeros([args.parameters[0].shape[0], 1, 1, 1]),
    project: parameters => parameters,
    ...args,
  });

test.serial(
  'Adam is Adam, for the whole batch or each example at its own step',
  t => {
    const start = tf.tensor2d([
      [1, -2, 3],
      [0.5, 0.1, -0.4],
    ]);
    const gradientAt = (step: number) =>
      tf.randomNormal([2, 3], 0, 10 ** -step, 'float32', step);
    const variable = tf.variable(start.clone());
    const theirs = tf.train.adam(0.01, 0.9, 0.999, 1e-8);
    const ours = adam(0.01);
    let together = {
      parameters: [start as tf.Tensor],
      state: ours.init([start], []),
    };
    let apart = together;
    for (let step = 1; step <= 6; step++) {
      const g = gradientAt(step);
      theirs.applyGradients([{name: variable.name, tensor: g}]);
      together = update(ours, {...together, gradients: [g], step});
      apart = update(ours, {...apart, gradients: [g], step: [step, step]});
      const wanted = variable.dataSync() as Float32Array;
      t.true(close(together.parameters[0], wanted, 2e-6), `step ${step}`);
      t.true(close(apart.parameters[0], wanted, 2e-6), `step ${step}, apart`);
    }
  },
);

test.serial('an example that joins later moves as it would have alone', t => {
  for (const optimizer of [adam(0.1), apgd(0.1)]) {
    const g = [1, 2, 3].map(i => tf.randomNormal([1, 2], 0, 1, 'float32', i));
    const zero = tf.zeros([1, 2]);
    const run = (gradients: tf.Tensor[]) => {
      let at = {
        parameters: [zero as tf.Tensor],
        state: optimizer.init([zero], []),
      };
      gradients.forEach((g, i) => {
        const losses = tf.tensor1d([-i]);
        at = update(optimizer, {...at, gradients: [g], losses, step: i + 1});
      });
      return at;
    };
    const old = run(g.slice(0, 2));
    const fresh = run([]);
    const both = update(optimizer, {
      parameters: [tf.concat([old.parameters[0], fresh.parameters[0]])],
      gradients: [tf.concat([g[2], g[2]])],
      losses: tf.tensor1d([-2, 0]),
      state: old.state.map((s, i) => tf.concat([s, fresh.state[i]])),
      step: [3, 1],
    });
    const wanted = [
      ...values(run(g).parameters[0]),
      ...values(run([g[2]]).parameters[0]),
    ];
    t.true(close(both.parameters[0], wanted, 1e-5));
  }
});

test.serial('steps along signs do not depend on the size of gradients', t => {
  const {parameters, state} = update(sign(), {
    parameters: [tf.zeros([1, 3]), tf.ones([1, 2])],
    gradients: [tf.tensor2d([[1e-9, -5, 0]]), tf.tensor2d([[3, -2]])],
    bounds: [0.4, 2],
    state: [],
    step: 1,
  });
  // 2.5 ε/steps of each.
  t.true(close(parameters[0], [-0.1, 0.1, 0]));
  t.true(close(parameters[1], [0.5, 1.5]));
  t.deepEqual(state, []);
});

test.serial('the steepest direction has length 1 in its norm', t => {
  // The squares of the second row vanish in float32.
  const g = tf.tensor3d([3, 4, 0, 0, 3e-30, -4e-30, 0, 0], [2, 2, 2]);
  t.true(close(steepest(g, 'l2'), [0.6, 0.8, 0, 0, 0.6, -0.8, 0, 0]));
  t.true(close(steepest(g, 'linf'), [1, 1, 0, 0, 1, -1, 0, 0]));
  t.deepEqual(values(steepest(tf.zeros([1, 3]), 'l2')), [0, 0, 0]);
});

/** Linear classifiers of two classes, one example each. */
const LINEAR = Object.entries({
  'normal weights': (seed: number) =>
    tf.randomNormal([48, 1], 0, 1, 'float32', seed),
  'heavy tails': (seed: number) =>
    tf.pow(tf.randomNormal([48, 1], 0, 1, 'float32', seed), 3),
  'one pixel that matters': () =>
    tf.tensor2d([1, ...new Array<number>(47).fill(0.001)], [48, 1]),
});

const PICTURES = Object.entries({
  gray: () => tf.fill([1, 4, 4, 3], 0.5),
  random: () => tf.randomUniform([1, 4, 4, 3], 0, 1, 'float32', '3'),
  'black and white': () =>
    tf.round(tf.randomUniform([1, 4, 4, 3], 0, 1, 'float32', '3')),
}) as Array<[string, () => tf.Tensor4D]>;

/** How far w·δ can fall with ‖δ‖₂ ≤ ε and x + δ in [0, 1], in float64. */
function largestFall(w: number[], x: number[], epsilon: number): number {
  const at = (s: number) =>
    w.map((v, i) => Math.min(1 - x[i], Math.max(-x[i], -s * v)));
  let [low, high] = [0, 1e9];
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (Math.hypot(...at(middle)) < epsilon) low = middle;
    else high = middle;
  }
  return -at(low).reduce((sum, d, i) => sum + d * w[i], 0);
}

for (const [weights, makeWeights] of LINEAR) {
  for (const [kind, makeImages] of PICTURES) {
    test.serial(`l2 reaches the optimum: ${weights}, ${kind} images`, t => {
      const w = makeWeights(5) as tf.Tensor2D;
      const x = makeImages();
      const labels = tf.tensor1d([0], 'int32');
      const score = (x: tf.Tensor) =>
        tf.matMul(tf.sub(tf.reshape(x, [-1, 48]), 0.5), w);
      const classifier = (x: tf.Tensor4D) =>
        tf.concat([score(x), tf.zeros([x.shape[0], 1])], 1);
      const clean = values(score(x))[0];
      const epsilon = 0.4;
      const best = largestFall(values(w), values(x), epsilon);
      const searches: AttackOptions[] = [
        {},
        {optimizer: 'sign'},
        {optimizer: 'sign', steps: 20},
        {optimizer: 'apgd'},
        {optimizer: 'apgd', steps: 20, loss: 'crossEntropy'},
      ];
      for (const options of searches) {
        const leaked = leak(() => {
          const found = attack(
            new Delta({epsilon, norm: 'l2'}),
            options,
          ).perturb(classifier, x, labels);
          tf.tidy(() => {
            const fall = clean - values(score(found.adversarial))[0];
            const how = `${JSON.stringify(options)}: ${fall} of ${best}`;
            t.true(fall > 0.99 * best, how);
            t.true(fall < 1.0001 * best, how);
            const norm = tf.norm(tf.sub(found.adversarial, x));
            t.true(values(norm)[0] <= epsilon * (1 + 1e-5), how);
          });
          return found;
        });
        t.is(leaked, 0);
      }
    });
  }
}

test.serial('custom optimizers that are none are refused', t => {
  for (const optimizer of [{}, {init: () => []}, 'sgd', 1, null]) {
    const error = t.throws(() =>
      attack('D', {optimizer: optimizer as unknown as AttackOptimizer}),
    );
    t.regex(error.message, /optimizer must be one of adam, sign, apgd, square/);
  }
});
