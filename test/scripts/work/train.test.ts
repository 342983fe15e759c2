import {existsSync, readdirSync} from 'node:fs';
import {mkdir, readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import {Redis} from 'ioredis';
import {packRun, unpackRun} from '../../../scripts/work/run_files.js';
import {
  makeTraining,
  parseTraining,
} from '../../../scripts/work/training_unit.js';
import {findRow} from '../../../scripts/paper_rows.js';
import {resolveSettings} from '../../../scripts/training/settings.js';
import {cacheDirectory} from '../../../src/io/cache.js';
import {skipped} from '../../helpers/backends.js';
import {temporaryFolder} from '../../helpers/folder.js';
import {freePort, missingRedis, startRedis} from '../../helpers/redis.js';
import {runScript} from '../../helpers/scripts.js';
import {gzipSync} from 'node:zlib';

const unit = () =>
  makeTraining({
    ...{backend: 'cpu', data: 'a'.repeat(64), onNaN: 'stop'},
    checkpointMinutes: 0,
    settings: resolveSettings(findRow('D'), undefined, {
      ...{examples: 20, seed: 1, epochs: 1, batch: 4},
    }),
  });

test('a unit trains a row of the paper, and nothing else', t => {
  const good = unit();
  t.deepEqual(parseTraining(JSON.parse(JSON.stringify(good))), good);
  const {settings} = good;
  for (const [change, message] of [
    [{settings: {...settings, network: '../x'}}, /network/],
    [{settings: {...settings, defense: 'X'}}, /X/],
    [{settings: {...settings, init: '/etc'}}, /start is not with it/],
    [{settings: {...settings, epochs: 1e9}}, /epochs/],
    [{settings: {...settings, heldOut: 20}}, /trains no row/],
    [{settings: {...settings, more: 1}}, /more/],
    [{path: '/x'}, /path/],
  ] as const) {
    t.throws(() => parseTraining({...good, ...change}), {message});
  }
});

test("a run's files stay in its folder", async t => {
  const folder = temporaryFolder(t);
  await mkdir(join(folder, 'from', 'logs', 'train'), {recursive: true});
  const bundle = (name: string) =>
    gzipSync(JSON.stringify([{name, base64: 'eA=='}]));
  const to = join(folder, 'to');
  await unpackRun(bundle('logs/train/events.1'), to);
  t.deepEqual(await readFile(join(to, 'logs/train/events.1'), 'utf8'), 'x');
  await unpackRun(await packRun(to), join(folder, 'again'));
  t.true(existsSync(join(folder, 'again/logs/train/events.1')));
  const names = ['../x', '/x', 'a/../../x', 'a/../x', '.x', 'a\\b', 'a//b', ''];
  for (const name of [...names, 'a/b/c/d', '..', 'a\n']) {
    const wrong = unpackRun(bundle(name), join(folder, 'wrong'));
    await t.throwsAsync(wrong, {message: /damaged/}, name);
  }
  await t.throwsAsync(unpackRun(Buffer.from('x'), to), {message: /damaged/});
  t.false(existsSync(join(folder, 'wrong')));
  t.false(existsSync(join(folder, 'x')));
});

async function weightsIn(folder: string): Promise<Buffer> {
  const [file, ...more] = readdirSync(folder).filter(f => f.endsWith('.bin'));
  if (more.length > 0) throw new Error(`${folder} has several`);
  return readFile(join(folder, file));
}

const data = existsSync(join(cacheDirectory('cifar10'), 'test.bin'));
const reason = missingRedis ?? (data ? null : 'CIFAR-10 is not in the cache');

if (reason === null) {
  test('rows go on at another worker, and end with the weights of one process', async t => {
    t.timeout(300_000);
    const folder = temporaryFolder(t);
    const args = (out: string) => [
      ...['--defense=Undefended,D', '--preset=evening', '--network=small'],
      ...['--examples=40', '--batch=10', '--epochs=2', '--steps=1'],
      ...['--held-out=0', '--backend=onnx', '--checkpoint-minutes=0'],
      `--out=${join(folder, out)}`,
    ];
    const whole = await runScript('train', [...args('whole'), '--threads=1'])
      .ended;
    t.is(whole.code, 0, whole.err);
    await mkdir(join(folder, 'redis'));
    const port = await freePort();
    const server = await startRedis(join(folder, 'redis'), port);
    const queue = `--queue=redis://127.0.0.1:${port}`;
    const worker = () =>
      runScript('worker', [queue, '--backend=onnx', '--lost=3']);
    const workers = [worker(), worker()];
    const producer = runScript('train', [...args('queue'), queue]);
    const redis = new Redis({port, host: '127.0.0.1'});
    t.teardown(() => {
      redis.disconnect();
      for (const {child} of [...workers, producer]) child.kill('SIGKILL');
      server.kill('SIGKILL');
    });
    // The worker that is at it is killed once another can go on.
    const began = async () => {
      for (const key of await redis.keys('tfjs-adversarial:batches:*')) {
        const batches = Number(await redis.get(key));
        if (batches >= 2 && batches < 8) return true;
      }
      return false;
    };
    while (!(await began()) && producer.child.exitCode === null) {
      await sleep(5);
    }
    const clients = (await redis.keys('tfjs-adversarial:onnx:*:lock')).length;
    t.is(clients, 1);
    const [lock] = await redis.keys('tfjs-adversarial:onnx:*:lock');
    const job = lock.replace(/:lock$/, '');
    const progress = JSON.parse((await redis.hget(job, 'progress')) ?? '{}');
    const victim = workers.find(({child}) =>
      String(progress.worker).endsWith(`-${child.pid}`),
    );
    t.truthy(victim, JSON.stringify(progress));
    victim?.child.kill('SIGKILL');
    const {code, err, out} = await producer.ended;
    t.is(code, 0, err);
    t.regex(out, /D is in/);
    for (const row of ['Undefended', 'D']) {
      const weights = (of: string) => weightsIn(join(folder, of, row));
      t.deepEqual(await weights('queue'), await weights('whole'), row);
    }
    t.deepEqual(await redis.keys('tfjs-adversarial:checkpoint:*'), []);
  });
} else {
  skipped(test, 'rows on a queue', reason);
}
