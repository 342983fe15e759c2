import {type ChildProcess, spawn} from 'node:child_process';
import {existsSync} from 'node:fs';
import {readdir, readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import {cacheDirectory} from '../../../src/io/cache.js';
import {skipped} from '../../helpers/backends.js';
import {temporaryFolder} from '../../helpers/folder.js';
import {tinyModel} from '../../helpers/tiny_model.js';
import {EXTENSION, nodeArguments} from '../../helpers/node_arguments.js';

const REPORTS = ['table1.md', 'table1.json', 'table1.html'];

function start(args: string[]): ChildProcess {
  return spawn(
    process.execPath,
    [...nodeArguments('scripts/table1'), ...args],
    {stdio: ['ignore', 'pipe', 'pipe']},
  );
}

async function finish(child: ChildProcess) {
  let out = '';
  let err = '';
  child.stdout!.on('data', chunk => (out += chunk));
  child.stderr!.on('data', chunk => (err += chunk));
  const code = await new Promise<number | null>(resolve =>
    child.on('close', resolve),
  );
  return {code, out, err};
}

const run = (args: string[]) => finish(start(args));

/** The same for several command lines in one process, which must not call its exit. */
async function runEach(lines: string[][]) {
  const {code, out, err} = await finish(
    spawn(
      process.execPath,
      [
        ...nodeArguments('test/helpers/command_lines'),
        ...[join('scripts', `table1${EXTENSION}`), JSON.stringify(lines)],
      ],
      {stdio: ['ignore', 'pipe', 'pipe']},
    ),
  );
  if (code !== 0) throw new Error(err);
  return JSON.parse(out) as Array<{code: number | null; err: string}>;
}

/** Finished parts in a folder of results. */
async function countParts(folder: string): Promise<number> {
  const all = await readdir(join(folder, 'parts'), {recursive: true}).catch(
    () => [],
  );
  return all.filter(name => name.endsWith('.json')).length;
}

async function reports(folder: string): Promise<string[]> {
  return Promise.all(REPORTS.map(name => readFile(join(folder, name), 'utf8')));
}

const SMALL = [
  '--backend=cpu',
  '--examples=10',
  '--batch=4',
  '--part=4',
  '--steps=3',
  '--pictures=2',
];

if (existsSync(join(cacheDirectory('cifar10'), 'test.bin'))) {
  test('killed at random moments, the same command ends with the same table', async t => {
    t.timeout(400_000);
    const folder = temporaryFolder(t);
    const models = join(folder, 'models');
    await tinyModel(join(models, 'D'), 1);
    await tinyModel(join(models, 'C-BW'), 2);
    const args = [
      `--models=${models}`,
      '--columns=None,D,S',
      '--variant=both',
      ...SMALL,
    ];
    const whole = join(folder, 'whole');
    const first = await run([...args, `--out=${whole}`]);
    t.is(first.code, 0, first.err);
    const parts = await countParts(whole);
    t.is(parts, 2 * 3 * 2 * 3);

    const out = join(folder, 'killed');
    let kills = 0;
    for (let target = 0; target < parts; target += Math.ceil(parts / 3)) {
      const child = start([...args, `--out=${out}`]);
      const ended = finish(child);
      while (child.exitCode === null && (await countParts(out)) <= target) {
        await sleep(5);
      }
      await sleep(Math.random() * 60);
      if (child.kill('SIGKILL')) kills++;
      await ended;
    }
    t.true(kills >= 2, `${kills} kills`);
    t.log(`${kills} kills`);
    const last = await run([...args, `--out=${out}`]);
    t.is(last.code, 0, last.err);
    t.deepEqual(await reports(out), await reports(whole));
    const left = await readdir(out, {recursive: true});
    t.deepEqual(
      left.filter(name => name.endsWith('.tmp')),
      [],
    );
    const table = JSON.parse((await reports(out))[1]);
    t.is(table.rows.length, 4);
    t.is(table.rows[0].cells[0].correct.length, 10);

    // Other settings, another model: refused, with nothing changed.
    const before = await reports(out);
    const other = await run([...args, '--steps=4', `--out=${out}`]);
    t.is(other.code, 2);
    t.regex(other.err, /with steps 3, not 4/);
    await tinyModel(join(models, 'D'), 3);
    const swapped = await run([...args, `--out=${out}`]);
    t.is(swapped.code, 2);
    t.regex(swapped.err, /another model for the row D /);
    t.deepEqual(await reports(out), before);
  });

  test('Ctrl-C stops politely, and says how to go on', async t => {
    t.timeout(200_000);
    const folder = temporaryFolder(t);
    const model = await tinyModel(join(folder, 'model'), 1);
    const out = join(folder, 'out');
    const args = [
      `--row=D=${model}`,
      '--columns=D,S,C',
      ...SMALL,
      '--steps=40',
      '--examples=400',
      `--out=${out}`,
    ];
    const child = start(args);
    const ended = finish(child);
    while (child.exitCode === null && (await countParts(out)) === 0) {
      await sleep(20);
    }
    const second = await run(args);
    t.is(second.code, 2);
    t.regex(second.err, /Another run \(process \d+ on .+\) is at work in /);
    child.kill('SIGINT');
    const {code, out: printed} = await ended;
    t.is(code, 130);
    t.regex(printed, /the same command resumes/);
    t.regex(printed, /…/);
  });
} else {
  skipped(test, 'table1 goes on after a kill', 'CIFAR-10 is not in the cache');
}

test('bad input is one sentence and exit code 2, and nothing is written', async t => {
  const folder = temporaryFolder(t);
  const model = await tinyModel(join(folder, 'model'), 1);
  const out = join(folder, 'out');
  const text = join(folder, 'text.pt');
  await writeFile(text, 'this is no checkpoint');
  type Case = [args: string[], message: RegExp];
  const cases: Case[] = [
    [[], /There are no rows/],
    [[`--row=D=${join(folder, 'nowhere')}`], /nowhere: no such file or folder/],
    [[`--row=D=${text}`], /text\.pt cannot be used/],
    [[`--row=D=${model}`, `--row=d=${model}`], /row D is given twice/],
    [[`--row=D=${model}`, '--columns=None,Q'], /Q/],
    [[`--row=D=${model}`, '--columns=D,D'], /column D is given twice/],
    [[`--models=${join(folder, 'nowhere')}`], /nowhere: no such folder/],
    [[`--models=${model}`], /no sub-folder with a model.json/],
  ];
  // Refused by commander, which ends the process.
  const parsed: Case[] = [
    [['--row=D'], /NAME=PATH/],
    [[`--row=D=${model}`, '--examples=0'], /from 1 to 10000/],
  ];
  const all = ([args]: Case) => [...args, '--backend=cpu', `--out=${out}`];
  const results = await runEach(cases.map(all));
  t.is(results.length, cases.length);
  for (const each of parsed) results.push(await run(all(each)));
  for (const [i, [args, message]] of [...cases, ...parsed].entries()) {
    const {code, err} = results[i];
    t.is(code, 2, args.join(' '));
    t.regex(err, message);
    t.false(/\n\s+at /.test(err), 'no stack');
  }
  t.false(existsSync(out));
});
