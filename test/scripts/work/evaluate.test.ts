import {mkdir, readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import {evaluateElsewhere} from '../../../scripts/work/evaluate_elsewhere.js';
import {onlyInRepository} from '../../../src/cli/elsewhere.js';
import {saveModel} from '../../../src/node.js';
import {temporaryFolder} from '../../helpers/folder.js';
import {freePort, missingRedis, startRedis} from '../../helpers/redis.js';
import {type Ended, runScript} from '../../helpers/scripts.js';

const SIZE = 8;
const COUNT = 7;

/** Files as MNIST has them. */
async function grayImages(folder: string): Promise<void> {
  await mkdir(folder);
  const head = (numbers: number[]) => {
    const bytes = Buffer.alloc(4 * numbers.length);
    numbers.forEach((n, i) => bytes.writeUInt32BE(n, 4 * i));
    return bytes;
  };
  const pixels = Uint8Array.from(
    {length: COUNT * SIZE * SIZE},
    (_, i) => (i * i * 7 + 13 * i) % 256,
  );
  await writeFile(
    join(folder, 't10k-images-idx3-ubyte'),
    Buffer.concat([head([0x803, COUNT, SIZE, SIZE]), pixels]),
  );
  await writeFile(
    join(folder, 't10k-labels-idx1-ubyte'),
    Buffer.concat([head([0x801, COUNT]), Buffer.from([0, 1, 0, 1, 1, 0, 0])]),
  );
}

async function grayModel(folder: string): Promise<void> {
  const model = tf.sequential();
  model.add(tf.layers.flatten({inputShape: [SIZE, SIZE, 1]}));
  const kernelInitializer = tf.initializers.glorotNormal({seed: 1});
  model.add(tf.layers.dense({units: 2, kernelInitializer}));
  await saveModel(model, folder);
}

/** The report without its times. */
async function timeless(file: string): Promise<string> {
  const text = await readFile(file, 'utf8');
  return text.replace(/"seconds": [^,\n]+/g, '"seconds": 0');
}

const ok = (t: {is: (a: unknown, b: unknown, m: string) => void}, e: Ended) =>
  t.is(e.code, 0, e.err);

test('several processes and workers evaluate as one process does', async t => {
  t.timeout(300_000);
  const folder = temporaryFolder(t);
  await grayImages(join(folder, 'images'));
  await grayModel(join(folder, 'model'));
  const at = (name: string) => join(folder, name);
  const args = (name: string, ...more: string[]) => [
    ...[`--model=${at('model')}`, `--images=${at('images')}`],
    ...['--range=-1,1', '--attacks=None,D(8/255),strong(D(8/255))'],
    ...['--backend=cpu', '--batch=3', '--steps=4', '--learning-rate=0.01'],
    ...[`--json=${at(name)}.json`, ...more],
  ];
  ok(t, await runScript('evaluate', args('whole')).ended);
  const expected = await timeless(at('whole.json'));
  t.regex(expected, /"correct": "(?=.*1)(?=.*0)[01]{7}"/);
  ok(
    t,
    await runScript('evaluate', args('jobs', '--jobs=2', '--part=3')).ended,
  );
  t.is(await timeless(at('jobs.json')), expected);
  if (missingRedis !== null) {
    t.log(missingRedis);
    return;
  }
  const redis = at('redis');
  await mkdir(redis);
  const port = await freePort();
  const server = await startRedis(redis, port);
  const queue = `--queue=redis://127.0.0.1:${port}`;
  const cache = {TFJS_ADVERSARIAL_CACHE: at('cache')};
  const workers = [1, 2].map(() =>
    runScript('worker', [queue, '--backend=cpu'], cache),
  );
  t.teardown(() => {
    for (const {child} of workers) child.kill('SIGKILL');
    server.kill('SIGKILL');
  });
  // A part is done twice only where a second worker has connected.
  while (!workers.every(({said}) => said.err.includes('takes work'))) {
    await sleep(50);
  }
  const more = [queue, '--part=4', '--verify=1'];
  ok(t, await runScript('evaluate', args('queue', ...more)).ended);
  t.is(await timeless(at('queue.json')), expected);
  // Two workers computed each of the six parts.
  const done = workers.map(({said}) => said.err.match(/: done/g)?.length ?? 0);
  t.deepEqual(done, [6, 6]);
});

test('options of other processes that do not go together are refused', t => {
  const cases: Array<[object, RegExp]> = [
    [{part: 3}, /--part divides/],
    [{verify: 0.5}, /--verify is an option of --queue/],
    [{weights: '/w'}, /--weights is an option of --queue/],
    [{jobs: 2, queue: 'redis://h'}, /leave --jobs out/],
    [{jobs: 2, save: 'x'}, /--save needs every.*--jobs/],
    [{queue: 'redis://h', html: 'x'}, /--html needs every.*--queue/],
    [{queue: 'redis://h', round8: true}, /--round8 needs every/],
    [{queue: 'redis://h', threads: 2}, /give it to npm run worker/],
    [{queue: 'http://h'}, /redis:\/\/HOST:PORT/],
  ];
  for (const [options, message] of cases) {
    t.throws(() => evaluateElsewhere.prepare(options), {message});
  }
  t.is(evaluateElsewhere.prepare({threads: 2, html: 'x'}), undefined);
});

test('the published command has no queue, and says so', t => {
  t.is(onlyInRepository.prepare({threads: 2}), undefined);
  for (const options of [{jobs: '2'}, {queue: 'redis://h'}]) {
    const message = /is an option of npm run evaluate in the repository/;
    t.throws(() => onlyInRepository.prepare(options), {message});
  }
});
