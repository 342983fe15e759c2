import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {runTheorem, sampleChanges} from '../../../scripts/figures/theorem.js';

test.before(async () => {
  await tf.setBackend('cpu');
});

const norm = ([a, b]: number[]) => Math.hypot(a, b);
const TOLERANCE = 1e-4;

test.serial(
  'each threat model fools a classifier that the other cannot, and both together one that neither can',
  t => {
    const before = tf.memory().numTensors;
    const [outside, inside, combined] = runTheorem().map(({attacks}) =>
      Object.fromEntries(attacks.map(({threat, success}) => [threat, success])),
    );
    t.deepEqual(outside, {C: true, D: false, 'C+D': true});
    t.deepEqual(inside, {C: false, D: true, 'C+D': true});
    t.deepEqual(combined, {C: false, D: false, 'C+D': true});
    t.is(tf.memory().numTensors, before);
  },
);

test.serial('what failed had used its whole bound', t => {
  const [outside, , combined] = runTheorem();
  const [, additive] = outside.attacks;
  t.true(Math.abs(norm(additive.change) - 1) < 1e-3);
  const [functional] = combined.attacks;
  t.true(Math.abs(functional.change[0] - 1) < 1e-3);
});

test.serial(
  'changes of two colors by a function reach √2 bounds, those of one color twice are alike',
  t => {
    const two = sampleChanges('C', [0.3, 0.7], 200, 1);
    t.true(two.every(d => Math.max(...d.map(Math.abs)) <= 1 + TOLERANCE));
    t.true(two.some(d => norm(d) > 1.3));
    const once = sampleChanges('C', [0.5, 0.5], 200, 1);
    t.true(once.every(([a, b]) => Math.abs(a - b) < TOLERANCE));
    t.true(
      sampleChanges('D', [0.3, 0.7], 200, 1).every(
        d => norm(d) <= 1 + TOLERANCE,
      ),
    );
  },
);
