import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {tensorBoard} from '../../src/callbacks/tensor_board.js';
import {asSummaryWriter} from '../../src/tensorboard/summary_writer.js';
import {
  readWithTensorBoard,
  tensorBoardPython,
} from '../helpers/tensorboard.js';

process.env.TF_CPP_MIN_LOG_LEVEL ??= '3';

/** tfjs-node loads its binary at once, and throws where that is missing. */
async function tfjsNode() {
  try {
    const tf = await import('@tensorflow/tfjs-node');
    await tf.setBackend('tensorflow');
    return tf;
  } catch {
    return undefined;
  }
}
const tf = await tfjsNode();
const found = tf
  ? await tensorBoardPython()
  : {missing: 'tfjs-node is not set up; npm run setup:tensorflow does that'};
const needed = 'missing' in found ? test.skip : test;
const note = 'missing' in found ? ` (skipped: ${found.missing})` : '';

needed(`tf.node.summaryFileWriter is accepted as a writer${note}`, async t => {
  if (tf == null || 'missing' in found) return;
  t.timeout(120_000);
  const logs = mkdtempSync(join(tmpdir(), 'tfjs-node-'));
  t.teardown(() => rmSync(logs, {recursive: true}));

  const writer = tf.node.summaryFileWriter(logs);
  const adapted = asSummaryWriter(writer);
  adapted.histogram('margins', [-1, 0, 0, 5], 1, 3);
  adapted.histogram('equal', tf.zeros([4, 4]), 1);
  adapted.histogram('none', [], 1);
  const model = tf.sequential({
    layers: [tf.layers.dense({units: 1, inputShape: [3]})],
  });
  model.compile({loss: 'meanSquaredError', optimizer: 'sgd'});
  const {history} = await model.fit(tf.ones([8, 3]), tf.zeros([8, 1]), {
    epochs: 2,
    validationSplit: 0.5,
    verbose: 0,
    callbacks: tensorBoard(writer, {updateFreq: 'batch', histogramFreq: 2}),
  });

  const {'.': read} = await readWithTensorBoard(found.python, logs);
  t.deepEqual(Object.keys(read.scalars), [
    'train/batch/loss',
    'train/epoch/loss',
    'val/epoch/loss',
  ]);
  t.like(read.scalars['val/epoch/loss'], {
    points: 2,
    step: 2,
    value: Math.fround(history.val_loss[1] as number),
  });
  t.like(read.histograms.margins, {buckets: 3, min: -1, max: 5, count: 4});
  t.like(read.histograms.equal, {buckets: 30, count: 16});
  t.is(Object.keys(read.histograms).length, 5);
});
