import {existsSync, readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {ImageSet, smallCnn} from '../../src/index.js';
import {loadBackend} from '../../src/node.js';
import {NETWORKS} from '../../scripts/models.js';
import {findRow} from '../../scripts/paper_rows.js';
import {FiniteGuard, type OnNaN} from '../../scripts/training/finite_guard.js';
import {optimizerState} from '../../scripts/training/optimizer.js';
import {
  type GivenSettings,
  resolveSettings,
} from '../../scripts/training/settings.js';
import {readTensors} from '../../scripts/training/tensor_file.js';
import {trainRow} from '../../scripts/training/train_row.js';
import {temporaryFolder} from '../helpers/folder.js';

await loadBackend('cpu');
NETWORKS.small = options => smallCnn({...options, width: 4});

const MAKERS = {
  adam: () => tf.train.adam(0.05),
  momentum: () => tf.train.momentum(0.05, 0.9, true),
};

/** How a batch may fail: by its loss, or by its gradient alone. */
const FAULTS = {
  NaN: (loss: tf.Scalar) => tf.mul(loss, NaN) as tf.Scalar,
  Infinity: (loss: tf.Scalar) => tf.add(loss, Infinity) as tf.Scalar,
  // Finite; the gradient of the root at 0 is not.
  gradient: (loss: tf.Scalar) =>
    tf.add(loss, tf.sqrt(tf.mul(loss, 0))) as tf.Scalar,
};

/** Fits four batches, of which some are faulty or left out. */
async function fit(
  make: () => tf.Optimizer,
  onNaN: OnNaN,
  {faulty = [], leftOut = []}: {faulty?: number[]; leftOut?: number[]},
  fault = FAULTS.NaN,
) {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({
        units: 2,
        inputShape: [3],
        kernelInitializer: tf.initializers.glorotUniform({seed: 1}),
      }),
    ],
  });
  const order = [0, 1, 2, 3].filter(i => !leftOut.includes(i));
  let batch = -1;
  const loss = (y: tf.Tensor, p: tf.Tensor) => {
    batch++;
    const mean = tf.mean(tf.squaredDifference(y, p)) as tf.Scalar;
    return faulty.includes(order[batch]) ? fault(mean) : mean;
  };
  model.compile({optimizer: make(), loss});
  const xs = tf.tensor2d(order.map(i => [i + 1, 2 - i, i * i - 1]));
  const ys = tf.tensor2d(order.map(i => [i, 1]));
  const guard = new FiniteGuard(model, onNaN, i => `batch ${i + 1}`);
  await model.fit(xs, ys, {
    ...{batchSize: 1, shuffle: false, verbose: 0},
    callbacks: [guard],
  });
  const state = await optimizerState(model.optimizer);
  return {
    guard,
    weights: model.getWeights().map(w => [...w.dataSync()]),
    iterations: state.iterations,
    state: [...state.tensors].map(([name, t]) => [name, ...t.dataSync()]),
  };
}

for (const [name, make] of Object.entries(MAKERS)) {
  for (const [fault, apply] of Object.entries(FAULTS)) {
    test.serial(
      `${name}, ${fault}: a skipped batch leaves no trace`,
      async t => {
        for (const which of [[0], [2], [0, 1, 3]]) {
          const skipped = await fit(make, 'skip', {faulty: which}, apply);
          const without = await fit(make, 'skip', {leftOut: which});
          t.is(skipped.guard.skippedInEpoch, which.length);
          t.deepEqual(skipped.weights, without.weights);
          t.deepEqual(skipped.state, without.state);
          t.is(skipped.iterations, without.iterations);
          t.is(skipped.guard.failure, undefined);
        }
      },
    );

    test.serial(`${name}, ${fault}: to stop is one sentence`, async t => {
      const {guard} = await fit(make, 'stop', {faulty: [2]}, apply);
      t.regex(
        guard.failure!.message,
        /^In batch 3 .*(NaN|Infinity|not finite): training was stopped$/,
      );
      t.is(guard.skippedInEpoch, 0);
    });
  }
}

test.serial('a skipping guard keeps no memory', async t => {
  const grown = async (onNaN: OnNaN, faulty: number[]) => {
    const {numTensors} = tf.memory();
    await fit(MAKERS.adam, onNaN, {faulty});
    return tf.memory().numTensors - numTensors;
  };
  await grown('stop', []);
  // The model and its optimizer stay, with or without the guard's copies.
  const plain = await grown('stop', []);
  t.is(await grown('skip', []), plain);
  t.is(await grown('skip', [1, 3]), plain);
});

const EXAMPLES = 30;
const data = new ImageSet(
  Uint8Array.from({length: EXAMPLES * 192}, (_, i) => (i * 7919) % 256),
  Uint8Array.from({length: EXAMPLES}, (_, i) => i % 3),
  [8, 8, 3],
  ['r', 'g', 'b'],
);

const settings = (row: string, given: Partial<GivenSettings>) =>
  resolveSettings(findRow(row), undefined, {
    ...{network: 'small', epochs: 2, batch: 6, steps: 1, heldOut: 6},
    ...{examples: EXAMPLES, seed: 1, ...given},
  });

for (const row of ['Undefended', 'D']) {
  test.serial(
    `${row}: a training that diverges ends with an error, saves nothing and can be resumed`,
    async t => {
      const out = temporaryFolder(t);
      const diverging = settings(row, {
        optimizer: 'momentum',
        learningRate: 1e30,
      });
      const train = (onNaN: OnNaN) =>
        trainRow(findRow(row), diverging, data, {
          ...{out, checkpointMinutes: 0, onNaN},
        });
      const error = await t.throwsAsync(train('stop'));
      t.regex(
        error!.message,
        /^In batch \d+ of epoch 1 .* --on-nan skip, or .*\.$/,
      );
      t.false(existsSync(join(out, 'model.json')));
      const file = join(out, 'checkpoint.safetensors');
      const before = readFileSync(file);
      // All numbers in it are finite.
      (await readTensors(file)).tensors.forEach(tensor => tensor.dispose());
      await t.throwsAsync(train('stop'), {message: error!.message});
      t.deepEqual(
        readFileSync(file),
        before,
        'the same batch, nothing written',
      );
      t.false(readdirSync(out).some(name => name.endsWith('.tmp')));
    },
  );
}

test.serial('skipping all batches is no training', async t => {
  const out = temporaryFolder(t);
  // Ten batches an epoch, of which the first update is already too large.
  const diverging = settings('Undefended', {
    ...{optimizer: 'momentum', learningRate: 1e38, batch: 2, epochs: 3},
  });
  let sentences: string[] = [];
  const original = console.error;
  console.error = text => void (sentences = [...sentences, String(text)]);
  try {
    await t.throwsAsync(
      trainRow(findRow('Undefended'), diverging, data, {
        ...{out, checkpointMinutes: 0, onNaN: 'skip'},
      }),
      {message: /as in the 10 batches before: training was stopped\./},
    );
  } finally {
    console.error = original;
  }
  t.is(sentences.length, 10);
  t.regex(sentences[0], /this batch is skipped/);
});
