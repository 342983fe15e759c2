import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {weightAverage} from '../../src/index.js';
import {loadBackend} from '../../src/node.js';
import {findRow} from '../../scripts/paper_rows.js';
import {
  beginning,
  readCheckpoint,
  writeCheckpoint,
} from '../../scripts/training/checkpoint.js';
import {makeOptimizer} from '../../scripts/training/optimizer.js';
import {resolveSettings} from '../../scripts/training/settings.js';
import {readTensors, writeTensors} from '../../scripts/training/tensor_file.js';
import {temporaryFolder} from '../helpers/folder.js';

await loadBackend('cpu');

const BATCHES = 10;
const SETTINGS = resolveSettings(findRow('D'), undefined, {
  ...{epochs: 3, examples: 50_000, seed: 0, ema: 0.9},
});

function compiled(units = 2) {
  const model = tf.sequential({
    layers: [tf.layers.dense({units, inputShape: [3]})],
  });
  model.compile({
    optimizer: makeOptimizer(SETTINGS),
    loss: 'meanSquaredError',
  });
  return model;
}

type Parts = {
  tensors: Map<string, tf.Tensor>;
  metadata: Record<string, unknown>;
};

/** A good checkpoint after two batches, and what is in it. */
async function checkpoint(folder: string): Promise<Parts> {
  const model = compiled();
  const average = weightAverage({decay: 0.9});
  const place = {...beginning(), epoch: 1, history: [{loss: 1}]};
  await model.fit(tf.ones([4, 3]), tf.ones([4, 2]), {
    ...{batchSize: 2, verbose: 0},
    callbacks: [
      average,
      new tf.CustomCallback({
        onBatchEnd: () =>
          writeCheckpoint(folder, model, {average}, SETTINGS, place),
      }),
    ],
  });
  const file = join(folder, 'checkpoint.safetensors');
  return (await readTensors(file)) as Parts;
}

/** Each of these is a checkpoint that was made to lie, with the right checksum. */
const LIES: Record<string, (parts: Parts) => void> = {
  'an epoch of 1e9': ({metadata}) => (metadata.epoch = 1e9),
  'an epoch beyond the last': ({metadata}) => {
    metadata.epoch = 4;
    metadata.history = [{}, {}, {}, {}];
  },
  'a batch of 1e9': ({metadata}) => (metadata.batch = 1e9),
  'the batch after the last': ({metadata}) => (metadata.batch = BATCHES),
  'half a batch': ({metadata}) => (metadata.batch = 0.5),
  'a batch before the first': ({metadata}) => (metadata.batch = -1),
  'a loss that was NaN': ({metadata}) => (metadata.history = [{loss: null}]),
  'history in words': ({metadata}) => (metadata.history = 'long'),
  'too little history': ({metadata}) => (metadata.history = []),
  'sums in words': ({metadata}) => (metadata.sums = {loss: 'x'}),
  'no seconds': ({metadata}) => delete metadata.seconds,
  'no settings': ({metadata}) => (metadata.settings = null),
  'settings of a list': ({metadata}) => (metadata.settings = [1]),
  'nested settings': ({metadata}) => (metadata.settings = {epochs: {a: 1}}),
  'iterations in words': ({metadata}) => (metadata.iterations = 'many'),
  'a missing weight': ({tensors}) => tensors.delete('weight.1'),
  'a weight too many': ({tensors}) => tensors.set('weight.2', tf.zeros([2])),
  'no average': ({tensors}) => tensors.delete('average.0'),
  'a weight of another shape': ({tensors}) =>
    tensors.set('weight.0', tf.zeros([2, 3])),
  'an integer weight': ({tensors}) =>
    tensors.set('weight.0', tf.zeros([3, 2], 'int32')),
  'a NaN weight': ({tensors}) => tensors.set('weight.1', tf.tensor([NaN, 0])),
  'an infinite moment': ({tensors}) =>
    tensors.set('optimizer.moment.1', tf.tensor([Infinity, 0])),
  'a moment of another shape': ({tensors}) =>
    tensors.set('optimizer.moment.0', tf.zeros([7])),
  'an unknown tensor': ({tensors}) => tensors.set('more', tf.zeros([1])),
};

for (const [what, lie] of Object.entries(LIES)) {
  test.serial(`a checkpoint with ${what} is refused whole`, async t => {
    const folder = temporaryFolder(t);
    const parts = await checkpoint(folder);
    lie(parts);
    await writeTensors(join(folder, 'checkpoint.safetensors'), parts);
    const model = compiled();
    const before = model.getWeights().map(w => [...w.dataSync()]);
    const {numTensors} = tf.memory();
    await t.throwsAsync(readCheckpoint(folder, model, SETTINGS, BATCHES), {
      message: /checkpoint\.safetensors is damaged: [^.]+(\.\w+[^.]*)*\.$/,
    });
    t.is(tf.memory().numTensors, numTensors);
    t.deepEqual(
      model.getWeights().map(w => [...w.dataSync()]),
      before,
    );
  });
}

test.serial(
  'a flipped bit of a weight is noticed, and the rest is read',
  async t => {
    const folder = temporaryFolder(t);
    await checkpoint(folder);
    const good = await readCheckpoint(folder, compiled(), SETTINGS, BATCHES);
    t.is(good.place.epoch, 1);
    t.is(good.initial!.weights.length, 2);
    const file = join(folder, 'checkpoint.safetensors');
    const bytes = readFileSync(file);
    bytes[bytes.length - 3] ^= 1;
    writeFileSync(file, bytes);
    await t.throwsAsync(readCheckpoint(folder, compiled(), SETTINGS, BATCHES), {
      message: /is damaged: its checksum is wrong\.$/,
    });
  },
);

test.serial('a checkpoint of another network is refused', async t => {
  const folder = temporaryFolder(t);
  await checkpoint(folder);
  await t.throwsAsync(readCheckpoint(folder, compiled(5), SETTINGS, BATCHES), {
    message: /not a weight of this network/,
  });
});
