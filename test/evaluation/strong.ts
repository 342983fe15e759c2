import type {TestFn} from 'ava';
import * as tf from '@tensorflow/tfjs';
import {
  attack,
  Delta,
  evaluateRobustness,
  StAdv,
  strong,
  type ThreatModel,
} from '../../src/index.js';
import {loadExamples} from '../../src/evaluation/loaded_examples.js';
import {attackStrongly} from '../../src/evaluation/strong_attack.js';
import {strongSearches} from '../../src/evaluation/strong_searches.js';
import {leakAsync} from '../helpers/memory.js';
import {ownLabels, small, toyImages, toyModel} from '../helpers/toy.js';

const N = 12;

async function runStrong(
  threatModel: ThreatModel,
  {batchSize = 5, examples = Array.from({length: N}, (_, i) => i)} = {},
) {
  const model = toyModel({end: 'softmax', seed: 3});
  const all = toyImages(N, {seed: 4});
  const images = tf.gather(all, examples);
  const labels = ownLabels(model, images);
  const found: Array<{margin: number; adversarial?: Float32Array}> = [];
  const shares = await attackStrongly(
    strong(threatModel),
    model,
    await loadExamples({images, labels}, model),
    {
      batchSize,
      wanted: () => true,
      onFinished: ({index, ...rest}) => {
        if (found[index]) throw new Error(`${index} was finished twice`);
        found[index] = rest;
      },
    },
  );
  return {model, images, labels, found, shares};
}

/** Strong evaluations of toy classifiers. */
export function strongEvaluations(test: TestFn, backend: string): void {
  // Plain JavaScript takes ten times as long for lattices.
  for (const spec of backend === 'cpu'
    ? ['D(0.02)']
    : ['D(0.02)', 'C+S+D(0.01)']) {
    test.serial(`${backend}: ${spec}: the union of its searches`, async t => {
      const {model, images, labels, found, shares} = await runStrong(
        small(spec),
      );
      t.is(found.length, N);
      t.deepEqual(
        shares.map(({name}) => name),
        ['clean', ...strongSearches(3).map(({name}) => name)],
      );
      // Each search gets what the one before left.
      shares.slice(1).forEach(({examples}, i) => {
        t.is(examples, shares[i].examples - shares[i].broken);
      });
      const stood = found.map(({margin}) => margin >= 0);
      const broken = shares.reduce((sum, share) => sum + share.broken, 0);
      t.is(stood.filter(x => x).length, N - broken);
      t.log(shares.map(({name, broken}) => `${name}: ${broken}`).join(', '));

      // The image of each example has the margin that it is said to have.
      const made = tf.tensor4d(
        Float32Array.from(found.flatMap(({adversarial}) => [...adversarial!])),
        images.shape,
      );
      const {margin} = attack('None').perturb(model, made, labels);
      margin.dataSync().forEach((m: number, i: number) => {
        t.true(Math.abs(m - found[i].margin) < 1e-3, `${i}`);
      });

      // No single search of it finds more.
      for (const {options, targets} of strongSearches(3)) {
        if (targets > 0 || options.randomStart) continue;
        // Of the threat model of the evaluation, which bounds neighbors of C and S.
        const {threatModel} = strong(small(spec));
        const {success} = attack(threatModel, {...options, seed: 9}).perturb(
          model,
          images,
          labels,
        );
        if (options.optimizer === 'square') continue;
        success.dataSync().forEach((s: number, i: number) => {
          if (s) t.false(stood[i]);
        });
      }
    });
  }

  test.serial(`${backend}: batches change nothing`, async t => {
    const one = await runStrong(small('D(0.02)'), {batchSize: 5});
    const other = await runStrong(small('D(0.02)'), {batchSize: N});
    const alone = await runStrong(small('D(0.02)'), {examples: [7]});
    one.found.forEach(({margin}, i) => {
      t.is(margin >= 0, other.found[i].margin >= 0, `${i}`);
      t.true(Math.abs(margin - other.found[i].margin) < 1e-2, `${i}`);
    });
    t.true(Math.abs(alone.found[0].margin - one.found[7].margin) < 1e-2);
  });

  test.serial(`${backend}: nothing leaks`, async t => {
    const model = toyModel({end: 'softmax', seed: 3});
    const images = toyImages(6, {seed: 4});
    const labels = ownLabels(model, images);
    const data = {images, labels};
    const leaked = await leakAsync(async () => {
      await evaluateRobustness(model, data, {
        attacks: [strong(small('C+S+D'))],
        batchSize: 4,
      });
    });
    t.is(leaked, 0);
  });
}

/** What does not depend on the backend. */
export function strongSpecs(test: TestFn): void {
  test.serial('a linear classifier falls exactly where it can', async t => {
    // Margin 2·(mean − 0.5)·100 + offset: D(ε) moves it by at most 200 ε.
    const images = tf.fill([4, 4, 4, 3], 0.5) as tf.Tensor4D;
    const classifier = (x: tf.Tensor4D) => {
      const z = tf.sub(tf.mean(x, [1, 2, 3]), 0.48);
      return tf.mul(tf.stack([z, tf.neg(z)], 1), 100);
    };
    const labels = tf.tensor1d([0, 0, 1, 1], 'int32');
    for (const [bound, left] of [
      [0.0199, '1100'],
      [0.0201, '0000'],
    ] as const) {
      const {results} = await evaluateRobustness(
        classifier,
        {images, labels},
        {attacks: [`strong(D(${bound}))`]},
      );
      t.is(results[0].attack, `strong(D(${bound}))`);
      t.is(results[0].correct, left);
      t.is(results[0].searches![0].broken, 2);
    }
  });

  test('strong alone stands for four evaluations', async t => {
    const images = toyImages(1);
    const labels = tf.tensor1d([0], 'int32');
    const wrong = (x: tf.Tensor4D) =>
      tf.mul(tf.mean(x, [1, 2]), [0, 0, 1]) as tf.Tensor2D;
    const {results} = await evaluateRobustness(
      wrong,
      {images, labels},
      {attacks: ['None', 'strong', ' strong( D(4/255) + S ) ']},
    );
    t.deepEqual(
      results.map(({attack}) => attack),
      [
        'None',
        'strong(C)',
        'strong(D)',
        'strong(S)',
        'strong(C+S+D)',
        'strong(D(4/255)+S)',
      ],
    );
    t.deepEqual(
      results.map(({bounds}) => bounds),
      [
        'None',
        'C(0.06, smooth=0.04)',
        'D(8/255)',
        'S(0.05, smooth=0.03)',
        'C(0.06, smooth=0.04)+S(0.05, smooth=0.03)+D(8/255)',
        'D(4/255)+S(0.05, smooth=0.03)',
      ],
    );
    t.is(results[0].searches, undefined);
    // What is wrong to begin with costs no search.
    for (const {searches} of results.slice(1)) {
      t.deepEqual(
        searches!.map(({examples}) => examples),
        [1, 0, 0, 0, 0, 0],
      );
    }
  });

  test('a report has the differences of neighbors that were reached', async t => {
    const model = toyModel({end: 'softmax', seed: 3});
    const images = toyImages(6, {seed: 4});
    const labels = ownLabels(model, images);
    const smooth = new StAdv({smooth: 0.01});
    const {results} = await evaluateRobustness(
      model,
      {images, labels},
      {
        attacks: ['None', 'S', 'D', smooth, strong(smooth), 'S(0)'],
        steps: 4,
        learningRate: 0.02,
        batchSize: 4,
        warnings: false,
      },
    );
    const reached = results.map(r => r.neighborDifferences);
    t.deepEqual(
      [reached[0], reached[2], reached[5]],
      [undefined, undefined, {S: 0}],
    );
    t.true(reached[1]!.S > 0.01);
    for (const {S} of [reached[3]!, reached[4]!]) {
      t.true(S > 0.005 && S <= 0.01, `${S}`);
    }
    // Batches without early stop say the same.
    const again = await evaluateRobustness(
      model,
      {images, labels},
      {
        attacks: ['S', smooth],
        steps: 4,
        learningRate: 0.02,
        earlyStop: false,
        warnings: false,
      },
    );
    const whole = again.results.map(r => r.neighborDifferences!.S);
    t.true(whole[0] >= reached[1]!.S - 1e-6);
    t.true(whole[1] > 0.005 && whole[1] <= 0.01);
  });

  test('bad specs are refused before any work', async t => {
    const data = {
      images: toyImages(1),
      labels: tf.tensor1d([0], 'int32'),
    };
    let passes = 0;
    const classifier = (x: tf.Tensor4D) => {
      passes++;
      return tf.mean(x, [1, 2]) as tf.Tensor2D;
    };
    for (const spec of ['strong()', 'strong(Q)', 'strong(D', 'strong(D)+C']) {
      await t.throwsAsync(
        evaluateRobustness(classifier, data, {attacks: ['None', spec]}),
        {message: /is not a term. Allowed are/},
      );
    }
    await t.throwsAsync(
      evaluateRobustness(classifier, data, {
        attacks: ['strong(D)'],
        targeted: true,
      }),
      {message: /strong evaluation is untargeted/},
    );
    t.is(passes, 0);
    const {name} = strong(new Delta({norm: 'l2', epsilon: 0.5}));
    t.is(name, 'strong(D[l2](0.5))');
  });
}
