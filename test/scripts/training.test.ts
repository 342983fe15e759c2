import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {loadBackend} from '../../src/tfjs_node/load_backend.js';
import {findRow, folderName, ROWS} from '../../scripts/paper_rows.js';
import {markdown} from '../../scripts/training/card.js';
import {addLogs, bestEpoch, means} from '../../scripts/training/history.js';
import {
  beginning,
  readCheckpoint,
  writeCheckpoint,
} from '../../scripts/training/checkpoint.js';
import {
  makeOptimizer,
  optimizerState,
  restoreOptimizer,
} from '../../scripts/training/optimizer.js';
import {
  type GivenSettings,
  resolveSettings,
  type Settings,
} from '../../scripts/training/settings.js';
import {readTensors, writeTensors} from '../../scripts/training/tensor_file.js';
import {temporaryFolder} from '../helpers/folder.js';

await loadBackend('cpu');

const ALL = {examples: 50_000, seed: 0};

test('there are the eleven rows of Table 1 and Union, each with a folder name of its own', t => {
  t.is(ROWS.length, 12);
  const folders = ROWS.map(folderName);
  t.is(new Set(folders).size, 12);
  folders.forEach(name => t.regex(name, /^[A-Za-z+-]+$/));
});

test('every row has settings in every preset, and what is given counts for more', t => {
  for (const defense of ROWS) {
    for (const preset of ['paper', 'evening'] as const) {
      const given = {...ALL, init: 'somewhere', batch: 64};
      const settings = resolveSettings(defense, preset, given);
      t.is(settings.batch, 64);
      t.is(settings.heldOut, 1000);
      t.true(settings.epochs >= 1);
      for (const [key, value] of Object.entries(settings)) {
        t.not(value, undefined, key);
      }
    }
  }
});

for (const [what, row, preset, given, message] of [
  ['no epochs', 'C', undefined, {}, /--epochs or a --preset/],
  ['no start', 'C', 'evening', {}, /give --init/],
  ['no start', 'TRADES', 'evening', {}, /give --init/],
  [
    'a batch too large',
    'Undefended',
    'evening',
    {examples: 100},
    /batch of 128 is larger/,
  ],
  [
    'bounds too slow',
    'D',
    'evening',
    {boundWarmUp: 23, init: 'x'},
    /at most --epochs/,
  ],
  [
    'a warm-up too long',
    'Undefended',
    'evening',
    {warmUp: 40},
    /must be shorter/,
  ],
] as const) {
  test(`${row} with ${what} is refused`, t => {
    const all: GivenSettings = {...ALL, ...given};
    t.throws(() => resolveSettings(findRow(row), preset, all), {message});
  });
}

test('an epoch is the mean over its examples, and the best one is the last of those that are as robust as any, within the error', t => {
  const place = beginning();
  addLogs(place, {size: 3, batch: 0, loss: 1, acc: 0} as tf.Logs);
  addLogs(place, {size: 1, batch: 1, loss: 5, acc: 1} as tf.Logs);
  t.deepEqual(means(place), {loss: 2, acc: 0.25});
  const epoch = (held_out_acc: number, held_out_adv_acc?: number) => ({
    held_out_acc,
    ...(held_out_adv_acc !== undefined && {held_out_adv_acc}),
  });
  const best = (...history: Array<Record<string, number>>) =>
    bestEpoch(history, 1000);
  t.is(best(epoch(0.9, 0.1), epoch(0.7, 0.3), epoch(0.8, 0.2)), 2);
  t.is(best(epoch(0.9), epoch(0.7)), 1);
  t.is(best(epoch(0.9, 0), epoch(0.7, 0)), 2);
  t.is(best({loss: 1}, {loss: 2}), 2);
  // One example of a thousand is no difference; nor is 0.289 to 0.3.
  t.is(best(epoch(0.9, 0.001), epoch(0.7, 0)), 2);
  t.is(best(epoch(0.9, 0.3), epoch(0.7, 0.289)), 2);
  t.is(best(epoch(0.9, 0.3), epoch(0.7, 0.28)), 1);
  // Small losses do not add up: both later ones are measured by the highest.
  t.is(best(epoch(0.9, 0.3), epoch(0.8, 0.289), epoch(0.7, 0.28)), 2);
});

test('a mix is for the rows that have a choice, and of both unless a preset says otherwise', t => {
  for (const defense of ROWS) {
    const settings = resolveSettings(defense, undefined, {...ALL, epochs: 1});
    const choice = !/^(Undefended|TRADES)/.test(defense.name);
    t.is(settings.mix, choice ? 'both' : null, defense.name);
    const evening = resolveSettings(defense, 'evening', {...ALL, init: 'x'});
    t.is(evening.mix, choice ? 'adversarial' : null, defense.name);
  }
});

test('tensors and metadata come back from a file, and a damaged one is refused', async t => {
  const file = join(temporaryFolder(t), 'a', 'b.safetensors');
  const tensors = new Map<string, tf.Tensor>([
    [
      'x',
      tf.tensor2d([
        [1, 2.5],
        [-0, 3e-40],
      ]),
    ],
    ['n', tf.scalar(7, 'int32')],
  ]);
  await writeTensors(file, {tensors, metadata: {ä: [1, null]}});
  const read = await readTensors(file);
  t.deepEqual(read.metadata, {ä: [1, null]});
  for (const [name, tensor] of tensors) {
    const again = read.tensors.get(name)!;
    t.deepEqual(again.shape, tensor.shape);
    t.is(again.dtype, tensor.dtype);
    t.deepEqual(again.dataSync(), tensor.dataSync());
  }
  const whole = readFileSync(file);
  for (const length of [0, 5, 40, whole.length - 1]) {
    writeFileSync(file, whole.subarray(0, length));
    await t.throwsAsync(readTensors(file), {message: /is damaged/});
  }
  await t.throwsAsync(readTensors(file + '.not'), {message: /no such file/});
});

for (const [name, make] of Object.entries({
  adam: () => tf.train.adam(0.01),
  momentum: () => tf.train.momentum(0.01, 0.9, true),
})) {
  test(`${name} goes on from its state to the last bit`, async t => {
    const start = tf.tensor1d([1, -2, 0.3]);
    const steps = (w: tf.Variable, optimizer: tf.Optimizer, n: number) => {
      for (let i = 0; i < n; i++) {
        optimizer.minimize(() => tf.sum(tf.pow(w, 4)) as tf.Scalar, false, [w]);
      }
    };
    const whole = tf.variable(start);
    steps(whole, make(), 13);
    const first = tf.variable(start);
    const before = make();
    steps(first, before, 8);
    const {iterations, tensors} = await optimizerState(before);
    const second = tf.variable(first);
    const after = make();
    await restoreOptimizer(after, iterations, tensors);
    t.is(after.iterations, 8);
    steps(second, after, 5);
    t.deepEqual(second.dataSync(), whole.dataSync());
  });
}

test('a checkpoint from before --mix is one of both, with full bounds', async t => {
  const folder = temporaryFolder(t);
  const compiled = () => {
    const model = tf.sequential({
      layers: [tf.layers.dense({units: 2, inputShape: [3]})],
    });
    const optimizer = makeOptimizer(settings('both'));
    model.compile({optimizer, loss: 'meanSquaredError'});
    return model;
  };
  const settings = (mix: 'adversarial' | 'both', boundWarmUp = 0) =>
    resolveSettings(findRow('D'), undefined, {
      ...ALL,
      epochs: 2,
      mix,
      boundWarmUp,
    });
  const old: Partial<Settings> = settings('both');
  delete old.mix;
  delete old.boundWarmUp;
  const place = {...beginning(), epoch: 1, history: [{loss: 1}]};
  const model = compiled();
  await writeCheckpoint(folder, model, {}, old as Settings, place);
  const restored = await readCheckpoint(
    folder,
    compiled(),
    settings('both'),
    10,
  );
  t.is(restored.place.epoch, 1);
  const refused = (now: Settings, message: RegExp) =>
    t.throwsAsync(readCheckpoint(folder, compiled(), now, 10), {message});
  await refused(settings('adversarial'), /with mix both, not adversarial/);
  await refused(settings('both', 2), /with boundWarmUp 0, not 2/);
});

test('a card says what was measured', t => {
  const defense = findRow('C');
  const card = markdown({
    defense: 'C',
    settings: resolveSettings(defense, 'evening', {...ALL, init: 'x'}),
    bestEpoch: 2,
    heldOut: {
      examples: 1000,
      clean: 0.81,
      robust: 0.42,
      attack: 'C',
      steps: 10,
    },
    history: [{loss: 1.23456}, {loss: 0.5, acc: 0.7}],
    seconds: 3600,
    versions: {node: '20'},
  });
  t.regex(card, /49,000 training images in 60 minutes/);
  t.regex(card, /epoch 2 of 2/);
  t.regex(card, /81\.0 % on clean images and 42\.0 % under C \(10 steps\)/);
  t.regex(card, /\| 1 \| 1\.235 \| – \|/);
});
