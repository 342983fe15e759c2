import type {TestFn} from 'ava';
import * as tf from '@tensorflow/tfjs';
import {type AttackOptions, attack} from '../../src/index.js';
import {
  attackExamples,
  attackInBatches,
} from '../../src/evaluation/attack_examples.js';
import {small, toyImages, toyLayers} from '../helpers/toy.js';

const N = 23;
const OPTIONS: AttackOptions = {
  steps: 5,
  learningRate: 0.02,
  earlyStop: true,
  keep: 'best',
};

/** Searches in which examples leave at various times. */
const SEARCHES: Record<string, AttackOptions> = {
  'with Adam': OPTIONS,
  'by signs': {...OPTIONS, optimizer: 'sign', learningRate: undefined},
  'from random starts, with restarts': {
    ...OPTIONS,
    steps: 2,
    randomStart: true,
    restarts: 3,
    seed: 5,
  },
  'with restarts, by divergence': {
    ...OPTIONS,
    steps: 2,
    loss: 'kl',
    restarts: 2,
    seed: 5,
  },
  'with restarts, the last iterate': {
    ...OPTIONS,
    steps: 2,
    keep: 'last',
    restarts: 2,
    seed: 1,
  },
  targeted: {...OPTIONS, targeted: true},
  'with Auto-PGD': {
    ...OPTIONS,
    steps: 8,
    optimizer: 'apgd',
    learningRate: undefined,
    restarts: 2,
    seed: 3,
  },
  'with Square': {
    ...OPTIONS,
    optimizer: 'square',
    learningRate: undefined,
    seed: 2,
  },
};

type Run = typeof attackExamples;

async function results(
  run: Run,
  search: ReturnType<typeof attack>,
  batchSize: number,
) {
  const model = tf.sequential({layers: toyLayers({seed: 3})});
  const images = toyImages(N, {seed: 4});
  // Mostly what the model says itself, so that there is something to attack.
  const labels = tf.tidy(() =>
    search.options.targeted
      ? tf.tensor1d(
          Array.from({length: N}, (_, i) => i % 3),
          'int32',
        )
      : tf.cast(tf.argMax(model.predict(images) as tf.Tensor, 1), 'int32'),
  ) as tf.Tensor1D;
  const before = tf.memory().numTensors;
  const found: Array<{margin: number; adversarial?: Float32Array}> = [];
  await run(
    search,
    model,
    {images, labels},
    {
      batchSize,
      wanted: index => index % 2 === 0,
      onFinished: ({index, ...rest}) => {
        if (found[index]) throw new Error(`${index} was finished twice`);
        found[index] = rest;
      },
    },
  );
  const leaked = tf.memory().numTensors - before;
  tf.dispose([images, labels]);
  model.dispose();
  return {found, leaked};
}

/** Full batches against the plain loop, example by example. */
export function continuousEqualsPlain(test: TestFn, backend: string): void {
  for (const [how, options] of Object.entries(SEARCHES)) {
    for (const spec of ['D', 'S', 'C', 'C+S+D']) {
      test.serial(
        `${backend}: full batches change nothing: ${spec} ${how}`,
        async t => {
          const search = attack(small(spec), options);
          const plain = await results(attackInBatches, search, N);
          const full = await results(attackExamples, search, 8);
          t.is(full.leaked, 0);
          t.is(full.found.length, N);
          const stood = plain.found.filter(({margin}) => margin >= 0).length;
          t.log(`${stood} of ${N} stood`);
          plain.found.forEach(({margin, adversarial}, i) => {
            const ours = full.found[i];
            t.true(
              Math.abs(ours.margin - margin) < 1e-4,
              `${i}: ${ours.margin}, not ${margin}`,
            );
            t.is(ours.margin >= 0, margin >= 0, `${i}`);
            t.is(ours.adversarial !== undefined, i % 2 === 0);
            const apart = ours.adversarial?.findIndex(
              (x, k) => !(Math.abs(x - adversarial![k]) < 1e-3),
            );
            t.is(apart ?? -1, -1, `${i}: another image`);
          });
        },
      );
    }
  }
}
