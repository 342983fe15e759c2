import {spawn} from 'node:child_process';
import {createHash} from 'node:crypto';
import {existsSync, readdirSync, readFileSync, statSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {cacheDirectory} from '../../src/io/cache.js';
import {skipped} from '../helpers/backends.js';
import {temporaryFolder} from '../helpers/folder.js';
import {nodeArguments} from '../helpers/node_arguments.js';

const TINY = [
  '--preset=evening',
  '--network=small',
  '--batch=2',
  '--epochs=1',
  '--steps=1',
  '--held-out=0',
  '--backend=wasm',
  '--checkpoint-minutes=0',
];

/** Runs train; `stop` is called with the child at each line on standard error. */
async function train(args: string[], stop?: (kill: () => void) => void) {
  const child = spawn(
    process.execPath,
    [...nodeArguments('test/helpers/train_tiny'), ...TINY, ...args],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let out = '';
  let err = '';
  child.stdout.on('data', chunk => (out += chunk));
  child.stderr.on('data', chunk => (err += chunk));
  const timer = stop && setInterval(() => stop(() => child.kill('SIGINT')), 5);
  const code = await new Promise<number | null>(resolve =>
    child.on('close', resolve),
  );
  clearInterval(timer);
  return {code, out, err};
}

/** Each row comes after the one that it starts from. */
const ORDER = [
  ...['Undefended', 'Undefended-BW', 'C', 'D', 'S', 'C-BW'],
  ...['C+S', 'C+D', 'S+D', 'TRADES', 'C+S+D', 'Union'],
];
const START: Record<string, string> = {
  ...{C: 'Undefended', D: 'Undefended', S: 'Undefended'},
  ...{'C-BW': 'Undefended-BW', 'C+S': 'C', 'C+D': 'D', 'S+D': 'D'},
  ...{TRADES: 'D', 'C+S+D': 'C+D', Union: 'C+D'},
};

const card = (folder: string) =>
  JSON.parse(readFileSync(join(folder, 'card.json'), 'utf8'));

/** Names, contents and times of all files. */
function state(folder: string) {
  return readdirSync(folder, {recursive: true})
    .map(name => join(folder, String(name)))
    .filter(file => statSync(file).isFile())
    .sort()
    .map(file => [
      file,
      statSync(file).mtimeMs,
      createHash('sha256').update(readFileSync(file)).digest('hex'),
    ]);
}

if (existsSync(join(cacheDirectory('cifar10'), 'test.bin'))) {
  test('--all trains every row, from the undefended ones, and a second time nothing', async t => {
    t.timeout(300_000);
    const out = temporaryFolder(t);
    const args = ['--all', '--examples=2', `--out=${out}`];
    const {code, err} = await train(args);
    t.is(code, 0, err);
    t.deepEqual(readdirSync(out).sort(), [...ORDER].sort());
    const begun = (row: string) =>
      statSync(join(out, row, 'model.json')).mtimeMs;
    t.deepEqual(
      [...ORDER].sort((a, b) => begun(a) - begun(b)),
      ORDER,
    );
    for (const row of ORDER) {
      const {settings, history} = card(join(out, row));
      t.is(settings.init, START[row] ?? null, row);
      t.is(history.length, 1);
      t.false(existsSync(join(out, row, 'lock')));
    }
    const before = state(out);
    const again = await train([...args, '--resume']);
    t.is(again.code, 0, again.err);
    t.deepEqual(state(out), before);
    const refused = await train(args);
    t.is(refused.code, 2);
    t.regex(refused.err, /holds a training run already: give --resume/);
  });

  test('Ctrl-C writes a checkpoint, and going on gives the same weights', async t => {
    t.timeout(300_000);
    const [whole, stopped] = [temporaryFolder(t), temporaryFolder(t)];
    const args = (folder: string) => [
      '--defense=Undefended',
      '--examples=400',
      `--out=${folder}`,
    ];
    t.is((await train(args(whole))).code, 0);
    let sent = false;
    const first = await train(args(stopped), kill => {
      if (sent || !existsSync(join(stopped, 'checkpoint.safetensors'))) return;
      sent = true;
      kill();
    });
    t.is(first.code, 130, first.err);
    t.regex(first.out, /the same command with --resume continues/);
    t.false(existsSync(join(stopped, 'model.json')), 'not at its end');
    const second = await train([...args(stopped), '--resume']);
    t.is(second.code, 0, second.err);
    const weights = (folder: string) =>
      readFileSync(join(folder, 'weights.bin'));
    t.deepEqual(weights(stopped), weights(whole));
  });
} else {
  skipped(test, 'train --all and Ctrl-C', 'CIFAR-10 is not in the cache');
}
