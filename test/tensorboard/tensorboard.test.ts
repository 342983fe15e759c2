import {mkdtempSync, readFileSync, rmSync, truncateSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {PNG} from 'pngjs';
import {tensorBoard} from '../../src/callbacks/tensor_board.js';
import {eventFileWriter} from '../../src/tensorboard/event_file.js';
import {imageGrid} from '../../src/pictures/image_grid.js';
import {eventFiles} from '../helpers/event_reader.js';
import {
  readWithTensorBoard,
  startTensorBoard,
  tensorBoardPython,
} from '../helpers/tensorboard.js';

// The real TensorBoard reads what is written here: first by the code its
// server uses in Python, then through the server.
const found = await tensorBoardPython();
const python = 'python' in found ? found.python : '';
const withPython = python ? test.serial : test.serial.skip;
const note = 'missing' in found ? ` (skipped: ${found.missing})` : '';

const root = mkdtempSync(join(tmpdir(), 'tensorboard-'));
test.after.always(() => rmSync(root, {recursive: true, force: true}));

async function writeRun(directory: string): Promise<tf.History> {
  const writer = eventFileWriter(directory);
  writer.hparams({attack: 'C+S+D', steps: 10, both: true, most: Infinity}, [
    {tag: 'epoch/loss', run: 'val', displayName: 'validation loss'},
    'margin',
  ]);
  writer.text('configuration', '| ε |\n|---|\n| 8/255 |', 0);
  writer.histogram('margins', [-1, 0, 0, 5], 1, 3);
  writer.histogram('none', [], 1);
  writer.scalar('margin', 0.5, 1);
  writer.scalar('margin', -0.25, 2);
  const gray = tf.fill([2, 8, 8, 1], 0.2) as tf.Tensor4D;
  const grid = imageGrid(gray, gray.add(0.1), {zoom: 2});
  writer.image('adversarial', grid, 2);
  writer.image('gray', gray, 2);

  const x = tf.randomNormal([16, 3]);
  const model = tf.sequential({
    layers: [tf.layers.dense({units: 1, inputShape: [3], name: 'only'})],
  });
  model.compile({loss: 'meanSquaredError', optimizer: 'sgd'});
  const history = await model.fit(x, tf.zeros([16, 1]), {
    epochs: 2,
    batchSize: 8,
    validationSplit: 0.5,
    verbose: 0,
    callbacks: tensorBoard(directory, {updateFreq: 'batch', histogramFreq: 1}),
  });
  writer.close();
  return history;
}

withPython(`TensorBoard reads each kind of summary${note}`, async t => {
  t.timeout(60_000);
  const logs = join(root, 'read');
  const {history} = await writeRun(join(logs, 'run'));
  const {run, ...others} = await readWithTensorBoard(python, logs);

  t.deepEqual(run.scalars, {margin: {points: 2, step: 2, value: -0.25}});
  t.like(run.histograms, {
    margins: {points: 1, step: 1, buckets: 3, min: -1, max: 5, count: 4},
    none: {buckets: 30, count: 0},
  });
  t.like(run.images, {
    adversarial: {width: 44, height: 64, pictures: 1, mode: 'RGB'},
    gray: {width: 8, height: 8, pictures: 2, mode: 'L', corner: [51, 51, 51]},
  });
  t.is(run.text.configuration.text, '| ε |\n|---|\n| 8/255 |');
  t.deepEqual(run.hparams, {
    '_hparams_/experiment': {
      columns: ['attack', 'steps', 'both', 'most'],
      metrics: [
        ['val', 'epoch/loss'],
        ['', 'margin'],
      ],
    },
    '_hparams_/session_start_info': {
      values: {attack: 'C+S+D', steps: 10, both: true, most: 'Infinity'},
    },
    '_hparams_/session_end_info': {status: 1},
  });

  const last = (values: Array<number | tf.Tensor>) =>
    Math.fround(values.at(-1) as number);
  t.deepEqual(others['run/val'].scalars, {
    'epoch/loss': {points: 2, step: 2, value: last(history.val_loss)},
  });
  t.deepEqual(others['run/train'].scalars['epoch/loss'], {
    points: 2,
    step: 2,
    value: last(history.loss),
  });
  t.is(Object.keys(others['run/train'].histograms).length, 2);
});

withPython(`a file cut off by a crash is read up to there${note}`, async t => {
  t.timeout(60_000);
  const logs = join(root, 'cut');
  const writer = eventFileWriter(logs);
  for (let step = 0; step < 3; step++) writer.scalar('loss', step, step);
  const [file] = eventFiles(logs);
  truncateSync(file, readFileSync(file).length - 5);
  t.deepEqual(await readWithTensorBoard(python, logs), {
    '.': {scalars: {loss: {points: 2, step: 1, value: 1}}},
  });
});

withPython(
  `a run that goes on takes back what it logs again${note}`,
  async t => {
    t.timeout(120_000);
    const logs = join(root, 'resumed');
    const killed = eventFileWriter(logs);
    for (let step = 1; step <= 5; step++) killed.scalar('loss', step, step);
    const resumed = eventFileWriter(logs, {purgeStep: 3});
    resumed.scalar('loss', 30, 3);
    t.deepEqual(await readWithTensorBoard(python, logs), {
      '.': {scalars: {loss: {points: 3, step: 3, value: 30}}},
    });
    const {url, stop} = await startTensorBoard(python, logs);
    t.teardown(stop);
    const points = async () => {
      const path = 'scalars/scalars?run=.&tag=loss';
      const answer = await fetch(`${url}/data/plugin/${path}`);
      return answer.ok ? ((await answer.json()) as number[][]) : [];
    };
    const deadline = Date.now() + 60_000;
    while ((await points()).length === 0) {
      if (Date.now() > deadline) return t.fail('the run never appeared');
      await new Promise(resolve => setTimeout(resolve, 200));
    }
    t.deepEqual(
      (await points()).map(([, ...point]) => point),
      [
        [1, 1],
        [2, 2],
        [3, 30],
      ],
    );
  },
);

withPython(`TensorBoard's server shows it${note}`, async t => {
  t.timeout(120_000);
  const logs = join(root, 'served');
  await writeRun(join(logs, 'run'));
  const {url, stop} = await startTensorBoard(python, logs);
  t.teardown(stop);
  const plugin = (path: string, body?: object) =>
    fetch(`${url}/data/plugin/${path}`, {
      method: body ? 'POST' : 'GET',
      headers: {'content-type': 'application/json'},
      body: body && JSON.stringify(body),
    });
  const json = async (path: string, body?: object) =>
    (await plugin(path, body)).json();
  const sessions = async () =>
    (
      await json('hparams/session_groups', {
        startIndex: 0,
        sliceSize: 10,
        allowedStatuses: ['STATUS_SUCCESS'],
        colParams: [],
        aggregationType: 'AGGREGATION_AVG',
      })
    ).sessionGroups;
  // The server loads in the background; the end of the session comes last.
  const deadline = Date.now() + 60_000;
  while ((await sessions())[0]?.metricValues.length !== 2) {
    if (Date.now() > deadline) return t.fail('the run never appeared');
    await new Promise(resolve => setTimeout(resolve, 200));
  }

  const margin = await json('scalars/scalars?run=run&tag=margin');
  t.deepEqual(
    margin.map(([, ...point]: number[]) => point),
    [
      [1, 0.5],
      [2, -0.25],
    ],
  );
  const [[, step, buckets]] = await json(
    'histograms/histograms?run=run&tag=margins',
  );
  t.is(step, 1);
  t.deepEqual(
    buckets.map(([, , count]: number[]) => count),
    [3, 0, 1],
  );
  const [{text}] = await json('text/text?run=run&tag=configuration');
  t.regex(text, /<td>8\/255<\/td>/);
  const [image] = await json('images/images?run=run&tag=adversarial&sample=0');
  const response = await plugin(`images/individualImage?${image.query}`);
  const png = PNG.sync.read(Buffer.from(await response.arrayBuffer()));
  t.deepEqual([png.width, png.height], [44, 64]);

  const [session] = await sessions();
  t.deepEqual(session.hparams, {
    attack: 'C+S+D',
    steps: 10,
    both: true,
    most: 'Infinity',
  });
  t.deepEqual(
    session.metricValues.map(
      (metric: {name: {tag: string}}) => metric.name.tag,
    ),
    ['epoch/loss', 'margin'],
  );
});
