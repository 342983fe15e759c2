import {existsSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {tensorBoard} from '../../src/callbacks/tensor_board.js';
import {eventFileWriter} from '../../src/tensorboard/event_file.js';
import {eventFiles, readEvents, readScalars} from '../helpers/event_reader.js';

const root = mkdtempSync(join(tmpdir(), 'tensor-board-'));
test.after.always(() => rmSync(root, {recursive: true, force: true}));

const x = tf.randomNormal([24, 3], 0, 1, 'float32', 1);
const y = tf.tidy(() => x.sum(1, true));

function compiled() {
  const model = tf.sequential({
    layers: [tf.layers.dense({units: 1, inputShape: [3], name: 'only'})],
  });
  model.compile({loss: 'meanSquaredError', optimizer: 'sgd', metrics: ['mae']});
  return model;
}

/** Equal but for the float32 that TensorBoard's scalars are. */
const rounded = (values: Array<number | tf.Tensor>) =>
  values.map(value => Math.fround(value as number));

test.serial('runs train and val, with what History has', async t => {
  const dir = join(root, 'epochs');
  const model = compiled();
  const {history} = await model.fit(x, y, {
    epochs: 3,
    batchSize: 8,
    validationData: [x, y],
    verbose: 0,
    callbacks: tensorBoard(dir),
  });
  const train = readScalars(join(dir, 'train'));
  const val = readScalars(join(dir, 'val'));
  t.deepEqual(Object.keys(train).sort(), ['epoch/loss', 'epoch/mae']);
  t.deepEqual(Object.keys(val).sort(), ['epoch/loss', 'epoch/mae']);
  for (const [series, key] of [
    [train['epoch/loss'], 'loss'],
    [train['epoch/mae'], 'mae'],
    [val['epoch/loss'], 'val_loss'],
    [val['epoch/mae'], 'val_mae'],
  ] as const) {
    t.deepEqual(
      series.map(([, value]) => value),
      rounded(history[key]),
    );
    t.deepEqual(
      series.map(([step]) => step),
      [1, 2, 3],
    );
  }
});

test.serial('a writer gets the series as prefixes, per batch too', async t => {
  const dir = join(root, 'writer');
  const writer = eventFileWriter(dir);
  const model = compiled();
  const losses: number[] = [];
  const dataset = tf.data.zip({
    xs: tf.data.array(x.arraySync() as number[][]),
    ys: tf.data.array(y.arraySync() as number[][]),
  });
  await model.fitDataset(dataset.batch(8), {
    epochs: 2,
    validationData: dataset.batch(8),
    verbose: 0,
    callbacks: [
      tensorBoard(writer, {updateFreq: 'batch'}),
      new tf.CustomCallback({
        onBatchEnd: (_, logs) => void losses.push(logs!.loss),
      }),
    ],
  });
  const series = readScalars(dir);
  t.deepEqual(Object.keys(series).sort(), [
    'train/batch/loss',
    'train/batch/mae',
    'train/epoch/loss',
    'train/epoch/mae',
    'val/epoch/loss',
    'val/epoch/mae',
  ]);
  t.deepEqual(
    series['train/batch/loss'],
    rounded(losses).map((value, i) => [i + 1, value]),
  );
  // The writer is still the user's.
  writer.scalar('mine', 1, 0);
  t.deepEqual(readScalars(dir).mine, [[0, 1]]);
});

test.serial('a run that goes on counts on, and takes back', async t => {
  const dir = join(root, 'resumed');
  const fit = (epochs: number, callback: tf.CustomCallback) =>
    compiled().fit(x, y, {
      epochs,
      initialEpoch: epochs - 1,
      verbose: 0,
      validationSplit: 0.5,
      callbacks: callback,
    });
  await fit(1, tensorBoard(dir, {updateFreq: 'batch'}));
  const {length} = readScalars(join(dir, 'train'))['batch/loss'];
  await fit(2, tensorBoard(dir, {updateFreq: 'batch', initialBatch: length}));
  const series = readScalars(join(dir, 'train'));
  t.deepEqual(
    series['batch/loss'].map(([step]) => step),
    Array.from({length: 2 * length}, (_, i) => i + 1),
  );
  t.deepEqual(
    series['epoch/loss'].map(([step]) => step),
    [1, 2],
  );
  const session = (run: string) =>
    eventFiles(join(dir, run)).map(file => {
      const [, {sessionLog, step}] = readEvents(file);
      return sessionLog && step;
    });
  t.deepEqual(session('train'), [undefined, length + 1]);
  t.deepEqual(session('val'), [undefined, 2]);
  t.throws(() => tensorBoard(dir, {initialBatch: -1}), {
    message: /initialBatch must be a whole number of batches from 0, not -1/,
  });
});

test.serial('weights every so many epochs', async t => {
  const dir = join(root, 'weights');
  const model = compiled();
  await model.fit(x, y, {
    epochs: 5,
    verbose: 0,
    callbacks: tensorBoard(dir, {histogramFreq: 2}),
  });
  const written = eventFiles(join(dir, 'train'))
    .flatMap(readEvents)
    .flatMap(event =>
      (event.summary?.value ?? [])
        .filter(v => v.metadata.pluginData.pluginName === 'histograms')
        .map(v => [v.tag, event.step]),
    );
  const [kernel, bias] = model.weights.map(weight => weight.name);
  t.deepEqual(written, [
    [kernel, 2],
    [bias, 2],
    [kernel, 4],
    [bias, 4],
  ]);
});

test.serial('numbers that another callback adds are written', async t => {
  const dir = join(root, 'added');
  const adder = new tf.CustomCallback({
    onEpochEnd: (epoch, logs) => void (logs!.robust = epoch / 2),
  });
  await compiled().fit(x, y, {
    epochs: 2,
    verbose: 0,
    callbacks: [adder, tensorBoard(dir)],
  });
  t.deepEqual(readScalars(join(dir, 'train'))['epoch/robust'], [
    [1, 0],
    [2, 0.5],
  ]);
  t.false(existsSync(join(dir, 'val')));
});

test.serial('training is the same with it, and nothing leaks', async t => {
  const first = compiled();
  const second = compiled();
  second.setWeights(first.getWeights());
  const fit = (model: tf.Sequential, callbacks?: tf.CustomCallback) =>
    model.fit(x, y, {epochs: 2, shuffle: false, verbose: 0, callbacks});
  const callback = tensorBoard(join(root, 'same'), {
    updateFreq: 'batch',
    histogramFreq: 1,
  });
  await fit(first);
  await fit(second, callback);
  const weights = [first, second].map(m => m.getWeights()[0].arraySync());
  t.deepEqual(weights[1], weights[0]);

  const tensors = tf.memory().numTensors;
  await fit(second, callback);
  t.is(tf.memory().numTensors, tensors);
  // The first epoch of a second fit is 1 again, its batches go on.
  const series = readScalars(join(root, 'same', 'train'));
  t.deepEqual(
    series['epoch/loss'].map(([step]) => step),
    [1, 2, 1, 2],
  );
  t.deepEqual(
    series['batch/loss'].map(([step]) => step),
    [1, 2, 3, 4],
  );
});

test.serial('usable again after an exception in the middle', async t => {
  const dir = join(root, 'exception');
  const callback = tensorBoard(dir);
  const fail = new tf.CustomCallback({
    onEpochEnd: epoch => {
      if (epoch === 1) throw new Error('stop here');
    },
  });
  const model = compiled();
  const fit = (callbacks: tf.CustomCallback[]) =>
    model.fit(x, y, {epochs: 2, verbose: 0, callbacks});
  await t.throwsAsync(fit([fail, callback]), {message: 'stop here'});
  await fit([callback]);
  t.deepEqual(
    readScalars(join(dir, 'train'))['epoch/loss'].map(([step]) => step),
    [1, 1, 2],
  );
});

test.serial('misuse is an error before the first batch', async t => {
  t.throws(() => tensorBoard('logs', {updateFreq: 'step' as 'batch'}), {
    message: /updateFreq must be 'batch' or 'epoch', not "step"/,
  });
  t.throws(() => tensorBoard('logs', {histogramFreq: -1}), {
    message: /histogramFreq/,
  });
  t.throws(() => tensorBoard({} as ReturnType<typeof eventFileWriter>), {
    message: /summary writer/,
  });

  const file = join(root, 'in-the-way');
  writeFileSync(file, '');
  const model = compiled();
  let batches = 0;
  const count = {onBatchBegin: () => void batches++};
  await t.throwsAsync(
    model.fit(x, y, {
      verbose: 0,
      callbacks: [new tf.CustomCallback(count), tensorBoard(file)],
    }),
    {message: /a file is in the way/},
  );
  await t.throwsAsync(
    compiled().fit(x, y, {
      verbose: 0,
      callbacks: [count, tensorBoard(join(root, 'plain'))],
    }),
    {message: /new tf\.CustomCallback/},
  );
  t.is(batches, 0);
});
