import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import fc from 'fast-check';
import {attack} from '../../src/attacks/attack.js';
import type {AttackOptions} from '../../src/attacks/options.js';
import {missingBackend, usual} from '../helpers/backends.js';
import {excess} from '../helpers/displacement.js';
import {leak} from '../helpers/memory.js';
import {ownLabels, small, toyImages, toyModel} from '../helpers/toy.js';

await missingBackend(usual);

const model = toyModel();
const N = 3;
/** A third of the values saturated, so that clips and gamuts come into play. */
const images = tf.tidy(() =>
  tf.clipByValue(tf.sub(tf.mul(toyImages(N, {seed: 8}), 1.5), 0.25), 0, 1),
) as tf.Tensor4D;
const own = ownLabels(model, images);
// One of them already wrong.
const labels = tf.tidy(() => {
  const [first, ...rest] = own.dataSync();
  return tf.tensor1d([(first + 1) % 3, ...rest], 'int32');
});

const options: fc.Arbitrary<AttackOptions> = fc
  .record({
    steps: fc.nat(4),
    optimizer: fc.constantFrom('adam', 'sign'),
    learningRate: fc.constantFrom(undefined, 0.005, 0.05),
    loss: fc.constantFrom('margin', 'crossEntropy', 'kl'),
    confidence: fc.constantFrom(Infinity, 0, 0.5),
    smoothnessWeight: fc.constantFrom(0, 0.05),
    restarts: fc.integer({min: 1, max: 2}),
    randomStart: fc.constantFrom(true, false, {stddev: 0.02}),
    seed: fc.nat(1000),
    keep: fc.constantFrom('best', 'last'),
    earlyStop: fc.boolean(),
    targeted: fc.boolean(),
  })
  // The losses that would ignore the target or the confidence refuse it.
  .map(({targeted, confidence, ...rest}) => ({
    ...rest,
    targeted: targeted && rest.loss !== 'kl',
    confidence: rest.loss === 'margin' ? confidence : Infinity,
  }));
const spec = fc.constantFrom(
  ...['C', 'C-HSV(0.2)', 'D', 'S', 'D(0.2)+S', 'C+S+D', 'S+C-YPbPr', 'None'],
);

test('whatever the options, the result keeps what it promises', t => {
  fc.assert(
    fc.property(spec, options, (spec, options) => {
      const rules = small(spec);
      const search = attack(rules, options);
      const before = [...images.dataSync()];
      const size = images.size / N;
      const left = leak(() => {
        const found = search.perturb(model, images, labels, {history: true});
        const values = found.adversarial.dataSync();
        const margins = found.margin.dataSync();
        const fail = (what: string) => {
          throw new Error(`${search.name}: ${what}`);
        };
        if (!values.every(v => v >= 0 && v <= 1)) fail('not in [0, 1]');
        if (!spec.includes('+') && spec !== 'None') {
          const over = excess(rules, images, found.adversarial);
          if (over > 1e-4) fail(`the bound is exceeded by ${over}`);
        }
        found.success.dataSync().forEach((s, i) => {
          if (Boolean(s) !== margins[i] < 0) fail('success without a margin');
        });
        for (const row of found.history!.margin.arraySync()) {
          if (search.options.keep === 'last') break;
          if (row.some((m, i) => margins[i] > m)) fail('not the best');
        }
        const places = [N - 1];
        const alone = search.perturb(
          model,
          tf.gather(images, places),
          tf.gather(labels, places),
          {history: true},
        );
        const last = values.slice((N - 1) * size);
        const single = alone.adversarial.dataSync();
        const off = Math.max(...last.map((v, i) => Math.abs(v - single[i])));
        if (off > 1e-4) fail(`alone it is different by ${off}`);
        return [found, alone];
      });
      // The example taken out, and its label.
      if (left !== 2) throw new Error(`${left} tensors are left`);
      return [...images.dataSync()].every((v, i) => v === before[i]);
    }),
    {numRuns: 25},
  );
  t.pass();
});
