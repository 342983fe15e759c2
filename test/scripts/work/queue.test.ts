import {existsSync} from 'node:fs';
import {mkdir, readdir} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import {cacheDirectory} from '../../../src/io/cache.js';
import {skipped} from '../../helpers/backends.js';
import {temporaryFolder} from '../../helpers/folder.js';
import {freePort, missingRedis, startRedis} from '../../helpers/redis.js';
import {reports, runScript} from '../../helpers/scripts.js';
import {tinyModel} from '../../helpers/tiny_model.js';

const data = existsSync(join(cacheDirectory('cifar10'), 'test.bin'));
const reason = missingRedis ?? (data ? null : 'CIFAR-10 is not in the cache');

if (reason === null) {
  test('workers, the producer and Redis are killed, and the table is that of one process', async t => {
    t.timeout(280_000);
    const folder = temporaryFolder(t);
    const cache = join(folder, 'redis');
    await mkdir(cache);
    const model = await tinyModel(join(folder, 'model'), 1);
    const args = [
      ...[`--row=D=${model}`, '--columns=None,D,S', '--backend=cpu'],
      ...['--examples=12', '--batch=4', '--part=2', '--steps=3'],
      '--pictures=2',
    ];
    const whole = runScript('table1', [
      ...args,
      `--out=${join(folder, 'whole')}`,
    ]);
    const port = await freePort();
    let redis = await startRedis(cache, port);
    const queue = `--queue=redis://127.0.0.1:${port}`;
    const worker = () =>
      runScript('worker', [queue, '--backend=cpu', '--lost=3']);
    const out = join(folder, 'queue');
    const produce = () =>
      runScript('table1', [...args, queue, '--verify=0', `--out=${out}`]);
    const first = produce();
    const workers = [worker(), worker()];
    t.teardown(() => {
      for (const {child} of [...workers, whole, first]) child.kill('SIGKILL');
      redis.kill('SIGKILL');
    });
    const done = async () =>
      (await readdir(out, {recursive: true}).catch(() => [])).filter(file =>
        /\d-\d+\.json$/.test(file),
      ).length;
    while ((await done()) < 2 && first.child.exitCode === null) await sleep(50);
    first.child.kill('SIGKILL');
    workers[0].child.kill('SIGKILL');
    await first.ended;
    redis.kill('SIGKILL');
    await sleep(500);
    redis = await startRedis(cache, port);
    const second = await produce().ended;
    t.is(second.code, 0, second.err);
    const {code, err} = await whole.ended;
    t.is(code, 0, err);
    t.deepEqual(await reports(out), await reports(join(folder, 'whole')));
    const lines = workers
      .flatMap(({said}) => said.err.split('\n'))
      .filter(line => line.endsWith(': done'));
    for (const line of lines) {
      t.true(lines.filter(other => other === line).length <= 2, line);
    }
    workers[1].child.kill('SIGTERM');
    t.is((await workers[1].ended).code, 143);
  });
} else {
  skipped(test, 'killed workers, producer and Redis', reason);
}
