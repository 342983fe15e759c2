import * as tf from '@tensorflow/tfjs';
import type {ExecutionContext, TestFn} from 'ava';
import {attack, type Perturbed} from '../../src/attacks/attack.js';
import {Delta} from '../../src/attacks/threat_models/delta.js';
import {logits} from '../../src/models/logits.js';
import {type LossName, margin} from '../../src/attacks/losses.js';
import type {AttackOptions} from '../../src/attacks/options.js';
import {Sequence} from '../../src/attacks/threat_models/sequence.js';
import type {ThreatModel} from '../../src/attacks/threat_models/threat_model.js';
import {excess} from '../helpers/displacement.js';
import {leak} from '../helpers/memory.js';
import {type Applied, spyOn} from '../helpers/spy.js';
import {
  CLASSES,
  otherLabels,
  ownLabels,
  small,
  toyImages,
  toyModel,
} from '../helpers/toy.js';

const ATTACKS: Record<string, () => ThreatModel> = {
  ...Object.fromEntries(
    [
      'None',
      'C',
      'C-RGB',
      'C-YPbPr',
      'C-HSV',
      'D',
      'S',
      'C+S',
      'C+D',
      'S+D',
      'C+S+D',
    ].map(spec => [spec, () => small(spec)]),
  ),
  'D, l2': () => new Delta({norm: 'l2', epsilon: 0.5}),
};
const LOSSES: LossName[] = ['margin', 'crossEntropy', 'kl'];

const N = 3;
const OPTIONS: AttackOptions = {steps: 2, learningRate: 0.02, seed: 5};
/** Rounding of float32 in a few operations on numbers of size 1. */
const ROUNDING = 1e-5;

/** Every attack with every loss on a toy classifier. */
export function attackTable(test: TestFn, backend: string): void {
  const model = toyModel({end: 'softmax'});
  const images = toyImages(N);
  const labels = ownLabels(model, images);
  const targets = otherLabels(labels);
  const weights = () => model.getWeights().map(w => [...w.dataSync()]);

  for (const [name, make] of Object.entries(ATTACKS)) {
    for (const loss of LOSSES) {
      test.serial(`${backend}: ${name} by ${loss}`, t => {
        // The divergence from the clean prediction has no slope at zero.
        const options = {...OPTIONS, loss, randomStart: loss === 'kl'};
        const clean = marginOf(images, labels);
        const before = [[...images.dataSync()], weights()];

        const spy = spyOn(make());
        const found = attack(spy, options).perturb(model, images, labels, {
          history: true,
        });
        insideBounds(t, make(), images, found);
        isOneOf(t, found.adversarial, spy);
        agreesWithItself(t, found, labels);
        const margins = found.margin.dataSync();
        if (name === 'None') {
          t.deepEqual([...found.adversarial.dataSync()], before[0]);
        } else {
          t.true(mean(margins) < mean(clean), 'the margin does not fall');
        }
        if (loss !== 'kl') {
          margins.forEach((m, i) => t.true(m <= clean[i] + ROUNDING));
        }

        let same: number[] = [];
        const left = leak(() => {
          const again = attack(make(), options).perturb(model, images, labels);
          same = [...again.adversarial.dataSync()];
          return again;
        });
        t.is(left, 0);
        // With the history, onnx runs other graphs, which may round differently.
        const tolerance = backend === 'onnx' ? ROUNDING : 0;
        const differences = found.adversarial
          .dataSync()
          .map((x, i) => Math.abs(x - same[i]));
        t.true(differences.every(d => d <= tolerance));

        if (name !== 'None' && loss === 'margin') {
          const towards = attack(make(), {...options, targeted: true});
          const start = marginOf(images, targets).map(m => -m);
          const reached = towards.perturb(model, images, targets);
          insideBounds(t, make(), images, reached);
          t.true(
            mean(reached.margin.dataSync()) < mean(start),
            'the target comes no closer',
          );
        }
        t.deepEqual([[...images.dataSync()], weights()], before);
      });
    }
  }

  test.serial(`${backend}: without steps images stay as they are`, t => {
    // Where rounding could show: saturated, gray, nearly black.
    const corners = tf.tidy(() => {
      const rounded = tf.round(images);
      const gray = tf.tile(
        tf.slice(images, [0, 0, 0, 0], [-1, -1, -1, 1]),
        [1, 1, 1, 3],
      );
      return tf.concat([rounded, gray, tf.mul(images, 0.01)]);
    }) as tf.Tensor4D;
    const before = [...corners.dataSync()];
    for (const [name, make] of Object.entries(ATTACKS)) {
      const {adversarial} = attack(make(), {steps: 0}).perturb(
        model,
        corners,
        tf.zeros([3 * N], 'int32') as tf.Tensor1D,
      );
      t.deepEqual([...adversarial.dataSync()], before, name);
    }
  });

  for (const spec of ['C', 'D', 'S', 'D+C-HSV', 'C+S+D']) {
    test.serial(`${backend}: ${spec} in the reference variant`, t => {
      const make = () => small(spec, 'reference');
      const clean = marginOf(images, labels);
      const spy = spyOn(make());
      const found = attack(spy, OPTIONS).perturb(model, images, labels);
      isOneOf(t, found.adversarial, spy);
      t.true(found.adversarial.dataSync().every(v => v >= 0 && v <= 1));
      t.true(mean(found.margin.dataSync()) < mean(clean));
      const {perturb} = attack(make(), OPTIONS);
      t.is(
        leak(() => perturb(model, images, labels)),
        0,
      );
    });
  }

  function marginOf(images: tf.Tensor4D, labels: tf.Tensor1D): Float32Array {
    return tf.tidy(() => {
      const oneHot = tf.oneHot(labels, CLASSES).toFloat() as tf.Tensor2D;
      return margin(logits(model, images), oneHot).dataSync() as Float32Array;
    });
  }

  /** What is returned beside the images is true of them. */
  function agreesWithItself(
    t: ExecutionContext,
    found: Perturbed,
    labels: tf.Tensor1D,
  ) {
    const margins = found.margin.dataSync();
    const success = found.success.dataSync();
    marginOf(found.adversarial, labels).forEach((m, i) => {
      t.true(Math.abs(m - margins[i]) <= ROUNDING * (1 + Math.abs(m)));
      t.is(Boolean(success[i]), margins[i] < 0);
    });
    t.is(found.success.dtype, 'bool');
    for (const row of found.history!.margin.arraySync()) {
      row.forEach((m, i) => t.true(margins[i] <= m));
    }
  }
}

/** In [0, 1], and inside each rule's bound as far as the images show it. */
function insideBounds(
  t: ExecutionContext,
  model: ThreatModel,
  images: tf.Tensor4D,
  {adversarial, sizes}: Perturbed,
) {
  const values = adversarial.dataSync();
  t.true(values.every(v => v >= 0 && v <= 1));
  const bounds = model instanceof Sequence ? model.terms : [model];
  const limits = bounds.map(term => Math.max(...term.bounds()));
  Object.values(sizes).forEach((size, i) =>
    t.true(size.dataSync().every(s => s <= limits[i] + 1e-6)),
  );
  if (model instanceof Sequence) return;
  const over = excess(model, images, adversarial);
  t.true(over <= 1e-4, `${model.name} is exceeded by ${over}`);
}

/** Every returned image is one that the rules made, of parameters inside their bounds. */
function isOneOf(
  t: ExecutionContext,
  adversarial: tf.Tensor4D,
  {applied, bounds}: ThreatModel & {applied: Applied[]},
) {
  const limits = bounds();
  for (const {parameters} of applied) {
    parameters.forEach((values, i) =>
      t.true(values.every(v => Math.abs(v) <= limits[i] + 1e-6)),
    );
  }
  const size = adversarial.size / N;
  const values = adversarial.dataSync();
  for (let i = 0; i < N; i++) {
    const own = values.slice(i * size, (i + 1) * size);
    t.true(
      applied.some(({perturbed}) =>
        own.every((v, k) => v === perturbed[i * size + k]),
      ),
    );
  }
}

function mean(values: ArrayLike<number>): number {
  return Array.from(values).reduce((a, b) => a + b, 0) / values.length;
}
