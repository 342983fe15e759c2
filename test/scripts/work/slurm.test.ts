import {execFile} from 'node:child_process';
import {existsSync} from 'node:fs';
import {mkdir, readdir, readFile, writeFile} from 'node:fs/promises';
import {join, resolve} from 'node:path';
import {promisify} from 'node:util';
import test from 'ava';
import {cacheDirectory} from '../../../src/io/cache.js';
import {blocksOf} from '../../docs/markdown.js';
import {missingBackend, skipped} from '../../helpers/backends.js';
import {temporaryFolder} from '../../helpers/folder.js';
import {reports} from '../../helpers/scripts.js';
import {missingSlurm, startSlurm} from '../../helpers/slurm.js';
import {tinyModel} from '../../helpers/tiny_model.js';

// The example of docs/many-machines.md, word for word, on a real Slurm with one
// node of two slots. Only `npm run table1` stands for a smaller table here.

const reason =
  missingSlurm ??
  (await missingBackend('onnx')) ??
  (existsSync(join(cacheDirectory('cifar10'), 'test.bin'))
    ? null
    : 'CIFAR-10 is not in the cache');

if (reason === null) {
  test('the Slurm array of the documentation writes the table of one process', async t => {
    t.timeout(290_000);
    const [folder, own] = [temporaryFolder(t), temporaryFolder(t)];
    const blocks = blocksOf('docs/many-machines.md').map(({code}) => code);
    const array = blocks.find(code => code.includes('#SBATCH'))!;
    const collect = blocks.find(code => code.includes('--collect'))!;
    const script = resolve('scripts', 'run.mjs');
    const smaller = '--examples 12 --part 3 --steps 2';
    const scripts = {table1: `node ${script} table1 ${smaller}`};
    await writeFile(join(folder, 'package.json'), JSON.stringify({scripts}));
    await tinyModel(join(folder, 'runs', 'rows', 'D'), 1);
    await tinyModel(join(folder, 'runs', 'rows', 'C-BW'), 2);
    await writeFile(join(folder, 'array.sh'), array);
    const slurm = await startSlurm(own);
    t.teardown(slurm.stop);
    const logs = join(folder, 'tasks');
    await mkdir(logs);
    const run = (file: string, args: string[], env = slurm.env) =>
      promisify(execFile)(file, args, {cwd: folder, env});
    const ended = await run('sbatch', [
      ...['--wait', `--output=${logs}/%a.txt`, 'array.sh'],
    ]).catch(error => error as Error);
    const said = await Promise.all(
      (await readdir(logs)).map(name => readFile(join(logs, name), 'utf8')),
    );
    t.false(ended instanceof Error, `${ended}\n${said.join('\n')}`);
    t.is(said.length, 8);
    for (const text of said) {
      t.regex(text, /Computing shard \d of 8, as SLURM_ARRAY_TASK_ID says/);
    }
    await run('sh', ['-c', collect]);
    const whole = ['--models', 'runs/rows', '--threads', '1'];
    await run('npm', ['run', 'table1', '--', ...whole, '--out', 'whole']);
    t.deepEqual(
      await reports(join(folder, 'runs', 'table1')),
      await reports(join(folder, 'whole')),
    );
  });
} else {
  skipped(test, 'the Slurm array of the documentation', reason);
}
