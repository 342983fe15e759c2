import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {apgd} from '../../src/attacks/optimizers.js';
import {checkpoints} from '../../src/attacks/optimizers/apgd_checkpoints.js';
import {attack} from '../../src/index.js';
import {missingBackend, usual} from '../helpers/backends.js';
import {leak} from '../helpers/memory.js';
import {ownLabels, small, toyImages, toyModel} from '../helpers/toy.js';

await missingBackend(usual);

test('checkpoints as the paper has them', t => {
  // p = 0, 0.22, 0.41, 0.57, 0.70, 0.80, 0.87, 0.93, 0.99.
  t.deepEqual(checkpoints(100), [0, 22, 41, 57, 70, 80, 87, 93, 99]);
  t.deepEqual(checkpoints(10), [0, 3, 5, 6, 7, 8, 9, 10]);
  t.deepEqual(checkpoints(1), [0, 1]);
  t.deepEqual(checkpoints(0), [0]);
});

/** A function on a box with many slopes, and its gradient, in float64. */
const f = (x: number[], phase: number) =>
  x.reduce(
    (sum, v, i) => sum + (i + 1) * (v - 0.3 * i) ** 2 + Math.sin(5 * v + phase),
    0,
  );
const slope = (x: number[], phase: number) =>
  x.map((v, i) => 2 * (i + 1) * (v - 0.3 * i) + 5 * Math.cos(5 * v + phase));

const clip = (x: number[], bound: number) =>
  x.map(v => Math.max(-bound, Math.min(bound, v)));

const shrink = (x: number[], bound: number) => {
  const factor = Math.min(1, bound / Math.hypot(...x));
  return x.map(v => v * factor);
};

/** Algorithm 1 of Croce & Hein 2020 to the letter, minimizing: all its iterates. */
function algorithm1(
  start: number[],
  {steps, bound, phase, l2}: Problem & {steps: number; phase: number},
): {iterates: number[][]; halvings: number} {
  const project = (x: number[]) => (l2 ? shrink(x, bound) : clip(x, bound));
  const direction = (g: number[]) =>
    l2 ? g.map(v => v / Math.hypot(...g)) : g.map(Math.sign);
  const w = checkpoints(steps);
  let eta = 2 * bound;
  const moved = (x: number[], alpha: number, before: number[]) => {
    const d = direction(slope(x, phase));
    const z = project(x.map((v, i) => v - eta * d[i]));
    return project(
      x.map((v, i) => v + alpha * (z[i] - v) + (1 - alpha) * (v - before[i])),
    );
  };
  const x = [start, moved(start, 1, start)];
  const values = [f(x[0], phase), f(x[1], phase)];
  let best = values[1] < values[0] ? x[1] : x[0];
  let lowest = Math.min(...values);
  let then = {eta, lowest: values[0]};
  let halvings = 0;
  for (let k = 1; k < steps; k++) {
    const j = w.indexOf(k);
    if (j > 0) {
      let lowered = 0;
      for (let i = w[j - 1]; i < k; i++) {
        if (values[i + 1] < values[i]) lowered++;
      }
      const stalled = lowered < 0.75 * (k - w[j - 1]);
      const same = then.eta === eta && then.lowest === lowest;
      // Conditions compare with what held after the last checkpoint.
      then = {eta, lowest};
      if (stalled || same) {
        eta /= 2;
        halvings++;
        x[k] = best;
        values[k] = lowest;
      }
    }
    x[k + 1] = moved(x[k], 0.75, x[k - 1]);
    values[k + 1] = f(x[k + 1], phase);
    if (values[k + 1] < lowest) {
      best = x[k + 1];
      lowest = values[k + 1];
    }
  }
  return {iterates: x, halvings};
}

interface Problem {
  bound: number;
  l2: boolean;
}

const STEPS = 60;
const PHASES = [0, 1, 2, 3.5];
const START = [0.11, -0.07, 0.23, 0.05];

for (const l2 of [false, true]) {
  const name = l2 ? 'l2' : 'linf';
  test.serial(`${name}: the iterates of algorithm 1, per example`, t => {
    const bound = 0.8;
    const theirs = PHASES.map(phase =>
      algorithm1(START, {steps: STEPS, bound, phase, l2}),
    );
    const halvings = theirs.map(({halvings}) => halvings);
    t.log(`η was halved ${halvings.join(', ')} times`);
    t.true(halvings.some(h => h > 1));
    const optimizer = apgd();
    const leaked = leak(() => {
      tf.tidy(() => {
        const project = ([x]: tf.Tensor[]) => {
          const rows = x.arraySync() as number[][];
          return [
            tf.tensor2d(
              rows.map(r => (l2 ? shrink(r, bound) : clip(r, bound))),
            ),
          ];
        };
        let parameters: tf.Tensor[] = [tf.tensor2d(PHASES.map(() => START))];
        let state = optimizer.init(parameters, []);
        for (let step = 1; step <= STEPS; step++) {
          const rows = parameters[0].arraySync() as number[][];
          const {parameters: next, state: after} = optimizer.update({
            parameters,
            gradients: [tf.tensor2d(rows.map((r, i) => slope(r, PHASES[i])))],
            losses: tf.tensor1d(rows.map((r, i) => f(r, PHASES[i]))),
            state,
            // Both ways to count.
            step: step % 2 ? step : PHASES.map(() => step),
            steps: STEPS,
            bounds: [bound],
            norms: [l2 ? 'l2' : 'linf'],
            images: tf.zeros([PHASES.length, 1, 1, 1]),
            project,
          });
          parameters = project(next);
          state = after;
          const ours = parameters[0].arraySync() as number[][];
          // Where a search went on from its best point, so did the next iterate.
          theirs.forEach(({iterates}, i) =>
            iterates[step].forEach((v, k) => {
              if (checkpoints(STEPS).includes(step)) return;
              const apart = Math.abs(ours[i][k] - v);
              t.true(apart < 1e-4, `step ${step}, example ${i}: ${apart}`);
            }),
          );
        }
      });
    });
    t.is(leaked, 0);
  });
}

test.serial('each term steps in units of its own bound', t => {
  const optimizer = apgd();
  tf.tidy(() => {
    const parameters = [tf.zeros([2, 3]), tf.zeros([2, 5])];
    const {parameters: moved} = optimizer.update({
      parameters,
      gradients: parameters.map(p => tf.ones(p.shape)),
      losses: tf.zeros([2]),
      state: optimizer.init(parameters, []),
      step: 1,
      steps: 10,
      bounds: [0.1, 3],
      norms: ['linf', 'linf'],
      images: tf.zeros([2, 1, 1, 1]),
      project: p => p,
    });
    moved.forEach((p, i) => {
      const length = 2 * [0.1, 3][i];
      t.true(p.dataSync().every(v => Math.abs(v + length) < 1e-6));
    });
  });
});

for (const spec of ['D', 'C', 'S', 'C+S+D']) {
  test.serial(`${spec}: finds more than Adam as it comes`, t => {
    const model = toyModel({end: 'logits', seed: 3});
    const images = toyImages(8);
    const labels = ownLabels(model, images);
    const mean = (options: object) =>
      tf.tidy(() => {
        const {margin} = attack(small(spec), options).perturb(
          model,
          images,
          labels,
        );
        return tf.mean(margin).dataSync()[0];
      });
    const leaked = leak(() => {
      const ours = mean({optimizer: 'apgd', steps: 20, smoothnessWeight: 0});
      const adam = mean({steps: 20, smoothnessWeight: 0});
      t.log(`mean margin ${ours}, with Adam ${adam}`);
      t.true(ours < adam);
    });
    t.is(leaked, 0);
  });
}
