import {spawn} from 'node:child_process';
import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {cacheDirectory} from '../../src/io/cache.js';
import {saveModel} from '../../src/node.js';
import {skipped} from '../helpers/backends.js';
import {temporaryFolder} from '../helpers/folder.js';
import {nodeArguments} from '../helpers/node_arguments.js';

interface ModelArgs {
  size?: number;
  channels?: number;
  classes?: number;
  seed?: number;
}

/** A model that plain JavaScript attacks at once. */
async function tinyModel(folder: string, args: ModelArgs = {}) {
  const {size = 32, channels = 3, classes = 10, seed = 1} = args;
  const init = (i: number) => tf.initializers.heNormal({seed: 10 * seed + i});
  const model = tf.sequential({
    layers: [
      tf.layers.conv2d({
        inputShape: [size, size, channels],
        filters: 2,
        kernelSize: 4,
        strides: 4,
        kernelInitializer: init(1),
      }),
      tf.layers.flatten(),
      tf.layers.dense({units: classes, kernelInitializer: init(2)}),
    ],
  });
  await saveModel(model, folder);
  model.dispose();
  return folder;
}

function start(script: string, args: string[]) {
  const child = spawn(
    process.execPath,
    [...nodeArguments(join('scripts', script)), ...args],
    {stdio: ['ignore', 'pipe', 'pipe']},
  );
  const found = {out: '', err: ''};
  child.stdout.on('data', chunk => (found.out += chunk));
  child.stderr.on('data', chunk => (found.err += chunk));
  const ended = new Promise<{code: number | null; out: string; err: string}>(
    resolve => child.on('close', code => resolve({code, ...found})),
  );
  return {child, ended, found};
}

const run = (script: string, args: string[]) => start(script, args).ended;
const SMALL = ['--backend=cpu', '--examples=1', '--steps=1'];

test('options are refused before any work, in one sentence', async t => {
  t.timeout(300_000);
  const folder = temporaryFolder(t);
  const file = join(folder, 'file');
  writeFileSync(file, '');
  const model = `--model=${await tinyModel(join(folder, 'model'))}`;
  const cases: Array<[script: string, args: string[], message: RegExp]> = [
    ['evaluate', ['--modle=x'], /Did you mean --model\?/],
    [
      'evaluate',
      [model, `--json=${folder}`],
      /could not be written: it is a folder/,
    ],
    ['evaluate', [model, '--threads=100000'], /whole number from 1 to \d+/],
    ['evaluate', [model, '--attacks=strong(Q)'], /is not a term/],
    [
      'table1',
      ['--row=D=robust:Dx', `--out=${folder}/o`],
      /no trained model of "Dx"/,
    ],
    ['train', ['--defense=D', '--epochs=1', `--out=${file}/x`], /not a folder/],
    ['train', ['--defense=D', '--epochs=1', '--out='], /must be a path/],
  ];
  for (const [script, args, message] of cases) {
    const {code, err} = await run(script, args);
    t.is(code, 2, args.join(' '));
    t.regex(err, message);
    t.notRegex(err, /\n\s+at /);
  }
});

if (existsSync(join(cacheDirectory('cifar10'), 'test.bin'))) {
  test('a model of other images or classes is refused by every command', async t => {
    t.timeout(120_000);
    const folder = temporaryFolder(t);
    const gray = await tinyModel(join(folder, 'gray'), {size: 28, channels: 1});
    const many = await tinyModel(join(folder, 'many'), {classes: 100});
    const one = await run('evaluate', [`--model=${gray}`, ...SMALL]);
    t.is(one.code, 2);
    t.regex(one.err, /takes (inputs|images) of the shape \[28, 28, 1\], but/);
    const out = `--out=${folder}/f`;
    const two = await run('figures', [`--model=${many}`, out, ...SMALL]);
    t.is(two.code, 2);
    t.regex(two.err, /has 100 classes, but CIFAR-10 has 10/);
  });

  test('figures measures a model again that was retrained in place', async t => {
    t.timeout(120_000);
    const folder = temporaryFolder(t);
    const model = join(folder, 'model');
    const args = [
      `--model=${model}`,
      '--figure=5',
      `--out=${folder}/f`,
      ...SMALL,
    ];
    const points = () => readFileSync(join(folder, 'f', 'points.json'), 'utf8');
    await tinyModel(model, {seed: 1});
    t.is((await run('figures', args)).code, 0);
    const first = points();
    await tinyModel(model, {seed: 2});
    t.is((await run('figures', args)).code, 0);
    t.not(
      JSON.parse(points()).settings.model,
      JSON.parse(first).settings.model,
    );
    t.false(existsSync(join(folder, 'f', 'lock')));
  });

  test('Ctrl-C in evaluate: an unfinished attack has no accuracy, and no worst case counts it', async t => {
    t.timeout(120_000);
    const folder = temporaryFolder(t);
    const model = await tinyModel(join(folder, 'model'));
    const json = join(folder, 'r.json');
    const {child, ended, found} = start('evaluate', [
      ...[`--model=${model}`, `--json=${json}`, '--backend=cpu'],
      ...[
        '--examples=100',
        '--attacks=None,D(0.00001),C',
        '--steps=5000',
        '--batch=20',
      ],
    ]);
    const timer = setInterval(() => {
      if (!/None .*100\/100/.test(found.err)) return;
      clearInterval(timer);
      setTimeout(() => child.kill('SIGINT'), 700);
    }, 50);
    t.teardown(() => clearInterval(timer));
    const {code, out} = await ended;
    t.is(code, 130);
    t.regex(out, /A single search, .* leaves out what strong\(SPEC\) finds/);
    t.regex(out, /│ C +│ +not begun │/);
    t.notRegex(out, /worst case/);
    const report = JSON.parse(readFileSync(json, 'utf8'));
    t.is(report.worstCase, null);
    t.deepEqual(
      report.unfinished.map((row: {attack: string}) => row.attack),
      ['D(0.00001)', 'C'],
    );
  });

  test('an error of the search ends the process', async t => {
    t.timeout(120_000);
    const folder = temporaryFolder(t);
    const broken = join(folder, 'broken');
    // Its first layer has no gradient.
    const model = tf.sequential({
      layers: [
        tf.layers.embedding({
          inputDim: 4,
          outputDim: 2,
          inputShape: [32, 32, 3],
        }),
        tf.layers.flatten(),
        tf.layers.dense({units: 10}),
      ],
    });
    await saveModel(model, broken);
    const {code, err} = await run('evaluate', [
      `--model=${broken}`,
      '--attacks=None,D',
      ...SMALL,
    ]);
    t.is(code, 2);
    t.regex(err, /Error: /);
  });
} else {
  skipped(test, 'command lines', 'CIFAR-10 is not in the cache');
}
