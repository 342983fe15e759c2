import {existsSync} from 'node:fs';
import {readdir, readFile} from 'node:fs/promises';
import {join} from 'node:path';
import test from 'ava';
import {cacheDirectory} from '../../../src/io/cache.js';
import {skipped} from '../../helpers/backends.js';
import {temporaryFolder} from '../../helpers/folder.js';
import {reports, runScript} from '../../helpers/scripts.js';
import {tinyModel} from '../../helpers/tiny_model.js';

if (existsSync(join(cacheDirectory('cifar10'), 'test.bin'))) {
  test('shards and several processes end with the bytes of one process', async t => {
    t.timeout(300_000);
    const folder = temporaryFolder(t);
    const models = join(folder, 'models');
    await tinyModel(join(models, 'D'), 1);
    await tinyModel(join(models, 'C-BW'), 2);
    const args = [
      ...[`--models=${models}`, '--columns=None,D,S', '--backend=cpu'],
      ...['--examples=10', '--batch=4', '--part=4', '--steps=3'],
      '--pictures=2',
    ];
    const table1 = async (out: string, more: string[] = [], env = {}) => {
      const all = [...args, `--out=${join(folder, out)}`, ...more];
      return runScript('table1', all, env).ended;
    };
    const [whole, jobs] = await Promise.all([
      table1('whole'),
      table1('jobs', ['--jobs=2']),
    ]);
    t.is(whole.code, 0, whole.err);
    t.is(jobs.code, 0, jobs.err);
    const expected = await reports(join(folder, 'whole'));
    t.deepEqual(await reports(join(folder, 'jobs')), expected);

    const [first, second] = await Promise.all([
      table1('shards', ['--shard=1/3']),
      table1('shards', [], {
        SLURM_ARRAY_TASK_ID: '2',
        ...{SLURM_ARRAY_TASK_COUNT: '3', SLURM_ARRAY_TASK_MIN: '1'},
      }),
    ]);
    t.is(first.code, 0, first.err);
    t.is(second.code, 0, second.err);
    t.regex(second.err, /Computing shard 2 of 3/);
    const early = await table1('shards', ['--collect']);
    t.is(early.code, 2);
    t.regex(early.err, /6 of 18 parts are in no shard.*1-of-3, 2-of-3/);
    t.false(existsSync(join(folder, 'shards', 'table1.md')));
    const third = await table1('shards', ['--jobs=2'], {
      ...{JOB_COMPLETION_INDEX: '2', JOB_COMPLETIONS: '3'},
    });
    t.is(third.code, 0, third.err);
    const collected = await table1('shards', ['--collect']);
    t.is(collected.code, 0, collected.err);
    t.deepEqual(await reports(join(folder, 'shards')), expected);
    const counts = await Promise.all(
      ['1', '2', '3'].map(async i => {
        const shard = join(folder, 'shards', 'shards', `${i}-of-3`);
        const files = await readdir(shard, {recursive: true});
        return files.filter(file => /\d-\d+\.json$/.test(file)).length;
      }),
    );
    t.deepEqual(counts, [6, 6, 6]);

    const part = join('parts', 'D', 'paper', 'D', '0-4.json');
    const file = join(folder, 'whole', part);
    const {unit} = JSON.parse(await readFile(file, 'utf8'));
    t.regex(unit, /^[0-9a-f]{64}$/);
  });
} else {
  skipped(test, 'shards and several processes', 'CIFAR-10 is not in the cache');
}
