import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {Delta} from '../../src/attacks/threat_models/delta.js';
import {ReColor} from '../../src/attacks/threat_models/recolor.js';
import {StAdv} from '../../src/attacks/threat_models/stadv.js';
import {
  adversarialTraining,
  type AdversarialTrainingArgs,
} from '../../src/callbacks/adversarial_training.js';
import {logits} from '../../src/models/logits.js';
import {neighborDifferences} from '../helpers/neighbors.js';
import {coarseSize, interpolate} from '../../src/training/coarse_grid.js';
import {resolveCrafting} from '../../src/training/fast_args.js';
import type {FastArgs} from '../../src/training/fast_args.js';
import {craftFast} from '../../src/training/fast_crafting.js';
import {tidy} from '../../src/ops/tidy.js';
import {missingBackend, usual} from '../helpers/backends.js';
import {gradientError, weighted} from '../helpers/finite_differences.js';
import {leak} from '../helpers/memory.js';
import {CLASSES, small, toyImages, toyModel} from '../helpers/toy.js';
import {compiled, FIT, weightsOf, x, y} from '../helpers/training.js';
import type {ThreatModel} from '../../src/attacks/threat_models/threat_model.js';

await missingBackend(usual);

const COUNT = 6;
const images = toyImages(COUNT, {seed: 5});
const labels = tf.tensor1d(
  Array.from({length: COUNT}, (_, i) => i % CLASSES),
  'int32',
);
const oneHot = tf.oneHot(labels, CLASSES).toFloat() as tf.Tensor2D;
const model = toyModel();

function craft(
  threatModel: ThreatModel,
  args: FastArgs = {},
  {steps = 1, seed = 9} = {},
) {
  return craftFast(
    {...resolveCrafting(args)!, threatModel, steps, loss: 'crossEntropy'},
    model,
    images,
    labels,
    seed,
  );
}

const lossOf = (x: tf.Tensor4D) =>
  tf.tidy(
    () =>
      tf
        .neg(
          tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits(model, x)), oneHot), 1)),
        )
        .dataSync()[0],
  );
const distance = (a: tf.Tensor) =>
  tf.tidy(() => tf.max(tf.abs(tf.sub(a, images))).dataSync()[0]);
const inRange = (x: tf.Tensor) =>
  x.dataSync().every((v: number) => v >= 0 && v <= 1);

test('D is N-FGSM: noise in ±2ε, a step of ε, no projection, [0, 1]', t => {
  const epsilon = 0.05;
  const {adversarial} = craft(small(`D(${epsilon})`));
  const wanted = tf.tidy(() => {
    const noise = tf.randomUniform(
      images.shape,
      -2 * epsilon,
      2 * epsilon,
      'float32',
      9,
    );
    const start = tf.clipByValue(tf.add(images, noise), 0, 1) as tf.Tensor4D;
    const gradient = tf.grad(x =>
      tf.neg(
        tf.sum(tf.mul(tf.logSoftmax(logits(model, x as tf.Tensor4D)), oneHot)),
      ),
    )(start);
    return tf.clipByValue(
      tf.add(start, tf.mul(tf.sign(gradient), epsilon)),
      0,
      1,
    );
  });
  const apart = tf.max(tf.abs(tf.sub(adversarial, wanted))).dataSync()[0];
  t.true(apart < 1e-6, String(apart));
  t.true(inRange(adversarial));
  // It exceeds the ball, and noise and step together are the most there is.
  const most = distance(adversarial);
  t.true(most > 1.5 * epsilon && most <= 3 * epsilon + 1e-6, String(most));
});

test('FGSM and FGSM-RS are options of it', t => {
  const epsilon = 0.05;
  const fgsm = craft(small(`D(${epsilon})`), {noise: 0, step: 1});
  const steps = tf.abs(tf.sub(fgsm.adversarial, images)).dataSync();
  const full = steps.filter((v: number) => Math.abs(v - epsilon) < 1e-6);
  // Others end at 0 or 1.
  t.true(full.length > 0.8 * steps.length);
  t.true(distance(fgsm.adversarial) <= epsilon + 1e-6);
  const rs = craft(small(`D(${epsilon})`), {
    noise: 1,
    step: 1.25,
    project: true,
  });
  t.true(distance(rs.adversarial) <= epsilon + 1e-6);
  t.true(inRange(rs.adversarial));
});

const SPECS = ['C', 'S', 'D', 'C+D', 'C+S+D', 'C-RGB(0.1)+S(0.2)'];

for (const spec of SPECS) {
  test(`${spec}: in range, larger than the bound, worse than its noise, seeded, no leaks`, t => {
    const threatModel = small(spec);
    for (const steps of [1, 3]) {
      const {adversarial, sizes} = craft(threatModel, {}, {steps});
      t.true(inRange(adversarial));
      const bounds = threatModel.bounds();
      t.deepEqual(
        Object.keys(sizes).sort(),
        spec
          .replace(/\([^)]*\)/g, '')
          .split('+')
          .sort(),
      );
      const most = Math.max(...bounds);
      for (const [term, size] of Object.entries(sizes)) {
        // Noise of two bounds and a step of one; of S, of three.
        const far = term.startsWith('S') ? 5 : 3;
        const values = [...size.dataSync()];
        t.true(
          values.every(v => v > 0 && v <= far * most + 1e-5),
          `${values}`,
        );
      }
      const again = craft(threatModel, {}, {steps}).adversarial;
      t.deepEqual(again.dataSync(), adversarial.dataSync());
      const other = craft(threatModel, {}, {steps, seed: 10}).adversarial;
      t.notDeepEqual(other.dataSync(), adversarial.dataSync());
      const noise = craft(threatModel, {step: 0}, {steps}).adversarial;
      t.true(lossOf(adversarial) > lossOf(noise));
      t.is(
        leak(() => craft(threatModel, {}, {steps})),
        0,
      );
    }
    const inside = craft(threatModel, {project: true}).sizes;
    const most = Math.max(...threatModel.bounds());
    for (const size of Object.values(inside)) {
      size.dataSync().forEach((v: number) => t.true(v <= most + 1e-5));
    }
  });
}

const roughness = (threatModel: ThreatModel, spacing: number) =>
  tf.tidy(() =>
    neighborDifferences(threatModel, images, {
      ...{noise: 0, step: 1, spacing, seed: 2},
      model,
      labels: oneHot,
    }),
  );

test('on a coarse grid, displacements of neighbors of C and S are alike', t => {
  const color = new ReColor({epsilon: 0.06, resolution: [9, 9, 9]});
  t.true(roughness(color, 1) > 1.9 * 0.06);
  const coarse = roughness(color, 4);
  t.true(coarse > 0 && coarse <= (0.12 * Math.sqrt(3)) / 4 + 1e-6);
  const flow = new StAdv({epsilon: 0.3});
  t.true(roughness(flow, 1) > 0.5);
  // Six pixels: three points, 2.5 apart.
  const smooth = roughness(flow, 4);
  t.true(smooth > 0 && smooth <= (0.6 * Math.SQRT2) / 2.5 + 1e-6);
});

test('a hard bound on the difference of neighbors holds after a step, whatever it is', t => {
  for (const smooth of [0.9, 0.5, 0.3, 0.25, 0.2, 0.18]) {
    const flow = Object.assign(new StAdv({epsilon: 0.3}), {smooth});
    const found = roughness(flow, 4);
    t.true(found > 0 && found <= smooth + 1e-6, `${found} of ${smooth}`);
    const share = smooth / 6;
    const color = Object.assign(
      new ReColor({epsilon: 0.06, resolution: [8, 9, 12]}),
      {smooth: share},
    );
    const apart = roughness(color, 4);
    t.true(apart > 0 && apart <= share + 1e-6, `${apart} of ${share}`);
  }
});

test('interpolation from a coarse grid keeps planes, and has the gradient of a linear map', t => {
  t.deepEqual(
    [1, 2, 5, 6, 9, 32].map(size => coarseSize(size, 4)),
    [1, 2, 2, 3, 3, 9],
  );
  const plane = (h: number, w: number) =>
    tf.tensor4d(
      Array.from({length: h * w}, (_, i) => {
        const [a, b] = [Math.floor(i / w) / (h - 1), (i % w) / (w - 1)];
        return 2 * a - 3 * b + 0.5;
      }),
      [1, h, w, 1],
    );
  const fine = interpolate(plane(3, 4), [9, 13]);
  const apart = tf.max(tf.abs(tf.sub(fine, plane(9, 13)))).dataSync()[0];
  t.true(apart < 1e-5);
  const coarse = tf.randomNormal([2, 3, 4, 2], 0, 1, 'float32', 3);
  t.true(gradientError(c => weighted(interpolate(c, [9, 13])), coarse) < 1e-3);
});

test('options of crafting are checked, and what fast does not take is said', t => {
  const make = (args: object) => () =>
    adversarialTraining({attack: 'D', crafting: 'fast', ...args});
  for (const [args, message] of [
    [{crafting: 'quick'}, /crafting must be 'pgd', 'fast' or an object/],
    [{crafting: {nois: 1}}, /crafting has no option 'nois'/],
    [{crafting: {noise: -1}}, /noise must be a number of at least 0/],
    [{crafting: {step: Infinity}}, /step must be a number/],
    [{crafting: {spacing: 0.5}}, /spacing must be a number of at least 1/],
    [{crafting: {project: 1}}, /project must be true or false/],
    [{learningRate: 0.1}, /does not take the option learningRate/],
    [{optimizer: 'sign'}, /does not take the option optimizer/],
    [{restarts: 2}, /does not take the option restarts/],
    [{stepz: 2}, /no attack option/],
  ] as Array<[object, RegExp]>) {
    t.throws(make(args), {message}, JSON.stringify(args));
  }
});

test.serial(
  'fast training is the same with the same seed, and trains',
  async t => {
    const fit = async (args: Partial<AdversarialTrainingArgs>) => {
      const trained = compiled();
      const {history} = await trained.fit(x, y, {
        ...{...FIT, epochs: 2},
        callbacks: adversarialTraining({
          ...{attack: small('C+S+D'), crafting: 'fast', seed: 3},
          ...args,
        }),
      });
      t.is(history.fast_acc.length, 2);
      t.is(history.pgd_acc.length, 2);
      return weightsOf(trained);
    };
    const first = await fit({});
    t.deepEqual(await fit({}), first);
    t.notDeepEqual(await fit({seed: 4}), first);
    t.notDeepEqual(first, weightsOf(compiled()));
  },
);

test.serial('a gradient that is NaN or missing', t => {
  const half = tf.fill([2, 4, 4, 1], 0.5) as tf.Tensor4D;
  const zeros = tf.zeros([2], 'int32') as tf.Tensor1D;
  const craftOn = (classifier: (x: tf.Tensor4D) => tf.Tensor) =>
    craftFast(
      {
        ...resolveCrafting({noise: 0})!,
        threatModel: new Delta(),
        steps: 2,
        loss: 'crossEntropy',
      },
      classifier,
      half,
      zeros,
      1,
    );
  const two = (z: tf.Tensor) => tf.concat([z, tf.neg(z)], 1);
  const mean = (x: tf.Tensor) => tf.mean(x, [1, 2]);
  // At 0 the root's slope is infinite, and 0 · ∞ is NaN.
  const {adversarial, sizes} = craftOn(x => {
    const flat = tf.sqrt(tf.sub(x, x));
    return two(tf.sub(mean(tf.add(x, flat)), 0.4));
  });
  t.true(adversarial.dataSync().every((v: number) => v >= 0 && v <= 1));
  t.true(sizes.D.dataSync().every(Number.isFinite));
  const missing = () =>
    craftOn(x => two(tf.einsum('nhwc->nc', x) as tf.Tensor2D));
  const before = tf.memory().numTensors;
  t.throws(() => tidy(missing), {message: /the op Einsum/});
  t.is(tf.memory().numTensors, before);
  t.throws(
    () => craftOn(x => tf.tensor2d(two(mean(x)).arraySync() as number[][])),
    {message: /cannot be differentiated/},
  );
});
