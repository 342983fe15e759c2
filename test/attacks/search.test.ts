import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {attack, type Perturbed} from '../../src/attacks/attack.js';
import type {LogitsFunction} from '../../src/models/logits.js';
import {logits} from '../../src/models/logits.js';
import type {AttackOptions} from '../../src/attacks/options.js';
import {missingBackend, usual} from '../helpers/backends.js';
import {leak} from '../helpers/memory.js';
import {spyOn} from '../helpers/spy.js';
import {ownLabels, small, toyImages, toyModel} from '../helpers/toy.js';

await missingBackend(usual);

const model = toyModel();
const N = 3;
const images = toyImages(N, {seed: 3});
const labels = ownLabels(model, images);
const OPTIONS: AttackOptions = {steps: 6, learningRate: 0.01};

const values = (t: tf.Tensor) => [...t.dataSync()];
const one = (i: number) => ({
  image: tf.slice(images, [i, 0, 0, 0], [1, -1, -1, -1]),
  label: tf.slice(labels, [i], [1]),
});

/** Which examples come out otherwise than alone. */
function dependOnBatch(spec: string, options: AttackOptions): number[] {
  const search = attack(small(spec), options);
  const together = search.perturb(model, images, labels, {history: true});
  const size = images.size / N;
  const wrong = [];
  for (let i = 0; i < N; i++) {
    const {image, label} = one(i);
    const alone = search.perturb(model, image, label, {history: true});
    const of = (r: Perturbed, k: number) => [
      ...values(r.adversarial).slice(k * size, (k + 1) * size),
      values(r.margin)[k],
      values(r.success)[k],
      ...Object.values(r.sizes).map(s => values(s)[k]),
      ...r.history!.margin.arraySync().map(row => row[k]),
      ...r.history!.smoothness.arraySync().map(row => row[k]),
    ];
    const [a, b] = [of(together, i), of(alone, 0)];
    if (!a.every((v, k) => Math.abs(v - b[k]) <= 1e-5)) wrong.push(i);
  }
  return wrong;
}

const SEARCHES: Record<string, AttackOptions> = {
  plainly: OPTIONS,
  'from a random start': {...OPTIONS, randomStart: true, seed: 2},
  'from noise': {...OPTIONS, randomStart: {stddev: 0.01}, seed: 2},
  'with restarts': {...OPTIONS, restarts: 3, seed: 2},
  'with early stop': {...OPTIONS, earlyStop: true},
  'with restarts and early stop': {
    ...OPTIONS,
    steps: 3,
    restarts: 3,
    earlyStop: true,
    seed: 2,
  },
  'by signs, the last iterate': {steps: 5, optimizer: 'sign', keep: 'last'},
  // From its own start, 0.001 away, float32 leaves three digits of the gradient:
  // where a backend rounds a batch otherwise than an image, Adam makes much of it.
  'by divergence': {
    ...OPTIONS,
    loss: 'kl',
    randomStart: {stddev: 0.1},
    seed: 2,
  },
  targeted: {...OPTIONS, targeted: true, earlyStop: true},
};

for (const [name, options] of Object.entries(SEARCHES)) {
  for (const spec of ['D', 'C+S+D']) {
    test.serial(
      `a batch gives what its items give alone: ${spec} ${name}`,
      t => {
        t.deepEqual(dependOnBatch(spec, options), []);
      },
    );
  }
}

test.serial(
  'early stop succeeds wherever the full search does, at the first success',
  t => {
    for (const spec of ['D', 'C', 'S+D']) {
      const full = attack(small(spec), OPTIONS).perturb(model, images, labels, {
        history: true,
      });
      const spy = spyOn(small(spec));
      const early = attack(spy, {...OPTIONS, earlyStop: true});
      const stopped = early.perturb(model, images, labels, {history: true});
      t.deepEqual(values(stopped.success), values(full.success));
      const trace = full.history!.margin.arraySync();
      for (let i = 0; i < N; i++) {
        const first = trace.findIndex(row => row[i] < 0);
        if (first < 0) continue;
        const m = values(stopped.margin)[i];
        t.true(Math.abs(m - trace[first][i]) < 1e-5, `${spec}, example ${i}`);
        // From there on the history stays as it is.
        stopped
          .history!.margin.arraySync()
          .slice(first)
          .forEach(row => t.is(row[i], m));
      }
      t.true(values(full.success).some(Boolean), 'no success to stop at');
    }
  },
);

test.serial('early stop takes finished examples out of the batch', t => {
  const sizes: number[] = [];
  const counting: LogitsFunction = x => {
    sizes.push(x.shape[0]);
    return logits(model, x);
  };
  const {success} = attack('D', {...OPTIONS, earlyStop: true}).perturb(
    counting,
    images,
    labels,
  );
  // The first pass asks for the number of classes.
  const search = sizes.slice(1);
  t.is(search[0], N);
  t.true(search.every((n, i) => i === 0 || n <= search[i - 1]));
  const left = values(success).filter(s => !s).length;
  t.is(search.at(-1), Math.max(left, 1));
  t.true(left < N);
});

test.serial('an attack that all examples fall to at once ends at once', t => {
  let passes = 0;
  const lost: LogitsFunction = x =>
    tf.tidy(() => {
      passes++;
      // Not [0, 1], which might be probabilities and would be looked at once more.
      return tf.tile(tf.tensor2d([[-1, 0]]), [x.shape[0], 1]);
    });
  const {margin, history, adversarial} = attack('D', {
    steps: 50,
    earlyStop: true,
  }).perturb(
    x => tf.add(lost(x), tf.mul(tf.sum(x), 0)),
    images,
    tf.zeros([N], 'int32') as tf.Tensor1D,
    {history: true},
  );
  t.is(passes, 2);
  t.deepEqual(values(margin), [-1, -1, -1]);
  t.deepEqual(values(adversarial), values(images));
  t.deepEqual(history!.margin.shape, [50, N]);
  t.true(values(history!.margin).every(m => m === -1));
});

test.serial(
  'the best iterate is no worse than any step, the last is the last',
  t => {
    for (const spec of ['D', 'S', 'C+S+D']) {
      // Long steps, so that the way is not straight down.
      const options: AttackOptions = {steps: 8, learningRate: 0.05};
      const spy = spyOn(small(spec));
      const run = (keep: 'best' | 'last') =>
        attack(spy, {...options, keep}).perturb(model, images, labels, {
          history: true,
        });
      const best = run('best');
      best
        .history!.margin.arraySync()
        .forEach(row =>
          row.forEach((m, i) => t.true(values(best.margin)[i] <= m)),
        );
      const last = run('last');
      t.deepEqual(values(last.adversarial), [...spy.applied.at(-1)!.perturbed]);
      t.deepEqual(values(last.history!.margin), values(best.history!.margin));
      t.true(values(best.margin).every((m, i) => m <= values(last.margin)[i]));
    }
  },
);

test.serial('history has a row a step, of margins before its update', t => {
  const {history, margin} = attack(small('C+S'), {steps: 3}).perturb(
    model,
    images,
    labels,
    {history: true},
  );
  t.deepEqual(history!.margin.shape, [3, N]);
  t.deepEqual(history!.smoothness.shape, [3, N]);
  const [first] = history!.margin.arraySync();
  const {margin: clean} = attack('None').perturb(model, images, labels);
  t.deepEqual(first, values(clean));
  t.true(values(margin).every((m, i) => m < first[i]));
  const {history: none} = attack('D', OPTIONS).perturb(model, images, labels);
  t.is(none, undefined);
  const {history: still} = attack('D', {steps: 2}).perturb(
    model,
    images,
    labels,
    {history: true},
  );
  t.true(values(still!.smoothness).every(s => s === 0));
});

test.serial('zero steps and no attack give the images and their margins', t => {
  for (const {adversarial, margin, sizes} of [
    attack(small('C+S+D'), {steps: 0}).perturb(model, images, labels),
    attack('None').perturb(model, images, labels, {history: true}),
  ]) {
    t.deepEqual(values(adversarial), values(images));
    t.true(values(margin).every(m => m > 0));
    Object.values(sizes).forEach(s => t.true(values(s).every(v => v === 0)));
  }
});

test.serial('more restarts are never worse, and differ from each other', t => {
  const margins = [1, 2, 4].map(restarts =>
    values(
      attack('D', {steps: 2, restarts, seed: 1}).perturb(model, images, labels)
        .margin,
    ),
  );
  margins[0].forEach((m, i) => {
    t.true(margins[1][i] <= m && margins[2][i] <= margins[1][i]);
  });
  t.notDeepEqual(margins[0], margins[2]);
});

test.serial(
  'restarts search only for examples that stood so far, with early stop',
  t => {
    const sizes: number[] = [];
    const counting: LogitsFunction = x => {
      sizes.push(x.shape[0]);
      return logits(model, x);
    };
    const options: AttackOptions = {...OPTIONS, steps: 4, earlyStop: true};
    const {success} = attack('D', options).perturb(counting, images, labels);
    const standing = values(success).filter(s => !s).length;
    t.true(standing > 0 && standing < N);
    const once = sizes.length;
    sizes.length = 0;
    attack('D', {...options, restarts: 2, seed: 1}).perturb(
      counting,
      images,
      labels,
    );
    t.true(sizes.length > once);
    t.true(sizes.slice(once).every(n => n <= standing));
  },
);

test.serial('random starts follow the seed, and without one are fresh', t => {
  const run = (seed?: number) =>
    values(
      attack('D', {steps: 1, randomStart: true, seed}).perturb(
        model,
        images,
        labels,
      ).adversarial,
    );
  t.deepEqual(run(1), run(1));
  t.notDeepEqual(run(1), run(2));
  t.notDeepEqual(run(), run());
});

test.serial(
  'steps along signs have their length, and by default cross the bound',
  t => {
    const step = attack('D', {
      steps: 1,
      optimizer: 'sign',
      learningRate: 0.003,
      keep: 'last',
    }).perturb(model, images, labels);
    t.true(values(step.sizes.D).every(s => Math.abs(s - 0.003) < 1e-7));
    const far = attack('D', {
      steps: 5,
      optimizer: 'sign',
      keep: 'last',
    }).perturb(model, images, labels);
    t.true(values(far.sizes.D).every(s => Math.abs(s - 8 / 255) < 1e-7));
  },
);

test.serial('each term has its own step length along signs', t => {
  const {sizes} = attack(small('C(0.1)+S(0.2)+D(0.01)'), {
    steps: 5,
    optimizer: 'sign',
    keep: 'last',
    smoothnessWeight: 0,
  }).perturb(model, images, labels);
  const largest = (s: tf.Tensor) => Math.max(...values(s));
  t.true(Math.abs(largest(sizes.C) - 0.1) < 1e-6);
  t.true(Math.abs(largest(sizes.S) - 0.2) < 1e-6);
  t.true(Math.abs(largest(sizes.D) - 0.01) < 1e-6);
});

test.serial('a confidence stops the margin from being pushed on', t => {
  const run = (confidence: number) =>
    values(
      attack('D(0.2)', {steps: 60, confidence, keep: 'last'}).perturb(
        model,
        images,
        labels,
      ).margin,
    );
  const free = run(Infinity);
  const clamped = run(0);
  // Momentum carries on a little past zero.
  clamped.forEach((m, i) => t.true(m >= free[i] - 1e-6));
  t.true(clamped.some((m, i) => m < 0 && m > free[i] + 0.05));
});

test.serial('a larger weight of smoothness gives smoother perturbations', t => {
  const run = (smoothnessWeight: number) => {
    const {history} = attack(small('S'), {
      ...OPTIONS,
      smoothnessWeight,
    }).perturb(model, images, labels, {history: true});
    return history!.smoothness.arraySync().at(-1)!;
  };
  const [rough, smooth] = [run(0), run(1)];
  smooth.forEach((s, i) => t.true(s < rough[i]));
});

test.serial('divergence finds a way from its own start', t => {
  const {sizes} = attack('D', {...OPTIONS, loss: 'kl', keep: 'last'}).perturb(
    model,
    images,
    labels,
  );
  t.true(values(sizes.D).every(s => s > 0.02));
});

test.serial(
  'an error of the classifier passes through, and leaves all as it was',
  t => {
    const kernel = tf.getKernel('Conv2DBackpropFilter', 'cpu');
    const search = attack(small('C+D'), {steps: 3, earlyStop: true});
    const failingAt = (call: number) => {
      let calls = 0;
      const failing: LogitsFunction = x => {
        if (calls++ === call) throw new Error('out of order');
        return logits(model, x);
      };
      return () => search.perturb(failing, images, labels);
    };
    const before = values(search.perturb(model, images, labels).adversarial);
    // While classes are counted, in the middle of a gradient, at the end.
    for (const call of [0, 2, 4]) {
      const left = leak(() => {
        t.is(t.throws(failingAt(call)).message, 'out of order');
        return null;
      });
      // In the middle tfjs itself leaves what its tape had saved.
      if (call !== 2) t.is(left, 0);
      t.is(tf.getKernel('Conv2DBackpropFilter', 'cpu'), kernel);
      const after = search.perturb(model, images, labels).adversarial;
      t.deepEqual(values(after), before);
    }
  },
);

test.serial('nothing leaks, whatever the search', t => {
  for (const options of Object.values(SEARCHES)) {
    const {perturb} = attack(small('S+D'), options);
    t.is(
      leak(() => perturb(model, images, labels, {history: true})),
      0,
    );
  }
});
