import {execFile, spawn} from 'node:child_process';
import {mkdir, readdir, readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import test, {type ExecutionContext} from 'ava';
import sharp from 'sharp';
import {loadModel, saveModel} from '../../src/node.js';
import {temporaryFolder} from '../helpers/folder.js';
import {nodeArguments} from '../helpers/node_arguments.js';

const node = nodeArguments('src/cli/main');

/** Runs the command, as a user would. */
function run(...args: string[]) {
  return new Promise<{code: number; out: string; err: string}>(done =>
    execFile(process.execPath, [...node, ...args], (error, out, err) =>
      done({code: error ? Number(error.code) : 0, out, err}),
    ),
  );
}

/** Red pictures against blue ones, of several sizes and formats; the folder's name has a space. */
async function makePictures(folder: string, count = 6): Promise<string> {
  const pictures = join(folder, 'my pictures');
  for (const [name, background] of [
    ['red', {r: 200, g: 40, b: 40}],
    ['blue', {r: 40, g: 40, b: 200}],
  ] as const) {
    await mkdir(join(pictures, name), {recursive: true});
    for (let i = 0; i < count; i++) {
      const [width, height] = [20 + 7 * i, 31 + 3 * i];
      const picture = sharp({create: {width, height, channels: 3, background}});
      const file = join(pictures, name, `${i}.${i % 2 ? 'jpg' : 'png'}`);
      await picture.toFile(file);
    }
  }
  return pictures;
}

/** Blue or red by the mean of the channels, on values of 0 … `high`; `forBlue` is added to the logit of blue. */
async function makeModel(
  folder: string,
  high = 1,
  forBlue = 0,
): Promise<string> {
  await tf.setBackend('cpu');
  const model = tf.sequential({
    layers: [
      tf.layers.globalAveragePooling2d({inputShape: [8, 8, 3]}),
      tf.layers.dense({units: 2, activation: 'softmax'}),
    ],
  });
  const slope = 10 / high;
  // Sorted by name, blue is class 0.
  const weights = [
    tf.tensor2d([-slope, slope, 0, 0, slope, -slope], [3, 2]),
    // Right only near the scale of its training.
    tf.tensor1d([forBlue, 0]),
  ];
  model.setWeights(weights);
  const path = join(folder, `model ${high}${forBlue ? ` ${forBlue}` : ''}`);
  await saveModel(model, path);
  tf.dispose(weights);
  model.dispose();
  return path;
}

const quick = ['--backend=cpu', '--steps=3', '--learning-rate=0.25'];

test('from pictures to a page', async t => {
  const folder = temporaryFolder(t);
  const [pictures, model] = [
    await makePictures(folder),
    await makeModel(folder),
  ];
  await writeFile(join(pictures, 'red', 'notes.txt'), 'no picture');
  const [html, json] = [join(folder, 'a b.html'), join(folder, 'a.json')];
  const {code, out, err} = await run(
    ...['evaluate', '--model', model, '--images', pictures, '--range=0,1'],
    ...['--attacks=None,D(8/255),D(0.5)', '--html', html, '--json', json],
    ...quick,
  );
  t.is(code, 0, err);
  t.regex(out, /None.*100\.0/);
  const report = JSON.parse(await readFile(json, 'utf8'));
  t.deepEqual(
    report.results.map(({accuracy}: {accuracy: number}) => accuracy),
    [1, 1, 0],
  );
  t.is(report.examples, 12);
  t.regex(report.notes.join(), /1 of 13 files could not be read.*notes\.txt/);
  const page = await readFile(html, 'utf8');
  t.regex(page, /D\(0\.5\): 12 of 12 fell/);
  t.regex(page, /Accuracy in % by class/);
  // The bound, the mean and the largest, in 255ths: these examples fall far below the bound.
  const moved = page.slice(page.indexOf('How far each term moved'));
  const row =
    />D<\/th><td>127\.5 of 255<\/td><td>([\d.]+) of 255<\/td><td>([\d.]+) of 255</;
  const [, mean, largest] = row.exec(moved)!.map(Number);
  t.true(0 < mean && mean <= largest && largest <= 127.5);
  // Red pictures become blue ones and the reverse: the confusions are all off the diagonal.
  t.regex(
    page,
    /D\(0\.5\): rows are true[^]*?blue<\/th><td class="right"><\/td><td class="many">6</,
  );
  t.regex(page, /notes\.txt/);
  t.notRegex(page, /<script|https?:/);
});

test('the range is guessed, and chance is refused', async t => {
  const folder = temporaryFolder(t);
  const pictures = await makePictures(folder);
  const model = await makeModel(folder);
  const args = ['evaluate', '--attacks=None', '--images', pictures, ...quick];
  const guessed = await run(...args, '--model', model);
  t.is(guessed.code, 0, guessed.err);
  t.regex(guessed.err, /Guessed that the model was trained on values \[0, 1\]/);
  // A mean of red against blue is the same sign in any range.
  t.regex(guessed.err, /\[0, 255\], \[-1, 1\].* would do as well.*--range/);
  const swapped = await run(...args, '--model', model, '--classes=red,blue');
  t.is(swapped.code, 2);
  t.regex(swapped.err, /no more often than by guessing.*--classes/);
  const classes = await run(
    ...args,
    '--model',
    model,
    '--classes=red,blue,green',
  );
  t.is(classes.code, 2);
  t.regex(classes.err, /has 2 classes, but .* has 3 \(red, blue, green\)/);
});

test('pictures under attack', async t => {
  const folder = temporaryFolder(t);
  const [pictures, model] = [
    await makePictures(folder, 2),
    await makeModel(folder),
  ];
  const shown = join(folder, 'attacked');
  const {code, out, err} = await run(
    ...['attack', '--model', model, '--images', pictures, '--out', shown],
    ...['--attack=D(0.5)', '--range=0,1', ...quick],
  );
  t.is(code, 0, err);
  t.regex(out, /of 4 pictures 4 were right before, 0 are right after/);
  const files = await readdir(shown);
  t.is(files.filter(file => file.endsWith('.png')).length, 12);
  const {width, height} = await sharp(join(shown, '0-attacked.png')).metadata();
  t.deepEqual([width, height], [8, 8]);
  const page = await readFile(join(shown, 'index.html'), 'utf8');
  for (const [, file] of page.matchAll(/src="([^"]+)"/g)) {
    t.true(files.includes(file), file);
  }
});

test('Ctrl-C ends an attack after its step, and says what is kept', async t => {
  const folder = temporaryFolder(t);
  const [pictures, model] = [
    await makePictures(folder, 4),
    await makeModel(folder),
  ];
  const shown = join(folder, 'attacked');
  // So weak that no batch ends early, and far more steps than there is time for.
  const args = ['--attack=C(0.001)', '--steps=10000000', '--range=0,1'];
  const child = spawn(
    process.execPath,
    [
      ...[...node, 'attack', '--model', model],
      ...['--images', pictures, '--out', shown, ...args, '--backend=cpu'],
    ],
    {stdio: ['ignore', 'pipe', 'pipe']},
  );
  let [out, err] = ['', ''];
  let asked = false;
  child.stdout.on('data', text => (out += text));
  child.stderr.on('data', text => {
    err += text;
    // The bar: a batch has begun. A second signal would end it at once.
    if (!asked && /C\(0\.001\) [^]*0 %/.test(err)) {
      asked = child.kill('SIGINT');
    }
  });
  const code = await new Promise(ended => child.on('close', ended));
  t.is(code, 130, err);
  t.regex(out, /Stopped after 0 of 8 pictures/);
  t.deepEqual(await readdir(shown), []);
});

test('fine-tuning saves the most robust epoch', async t => {
  const folder = temporaryFolder(t);
  const pictures = await makePictures(folder);
  // Red is right by so little that D fools it: moving the bias is enough.
  const model = await makeModel(folder, 1, 12);
  const saved = join(folder, 'robust');
  const {code, out, err} = await run(
    ...['train', '--model', model, '--images', pictures, '--out', saved],
    ...['--attack=D', '--range=0,1', '--epochs=12', '--hold-out=6'],
    ...['--batch=3', '--learning-rate=0.3', '--backend=cpu'],
  );
  t.is(code, 0, err);
  const before = /Before: 100\.0 % of 6 held-out images right, (.*) % under D/;
  t.true(Number(before.exec(out)?.[1]) < 100, out);
  t.regex(out, /100\.0 % under D, saved\./);
  t.regex(out, /The model of epoch \d+, the most robust that was measured/);
  const loaded = await loadModel(saved);
  t.deepEqual(loaded.outputs[0].shape, [null, 2]);
  const [bias] = loaded.getWeights().slice(-1);
  t.true(bias.dataSync()[0] < 12, 'these are the weights after training');
  loaded.dispose();
});

test('fine-tuning keeps the model where no epoch is better', async t => {
  const folder = temporaryFolder(t);
  const pictures = await makePictures(folder);
  const model = await makeModel(folder);
  const saved = join(folder, 'robust');
  const {code, out, err} = await run(
    ...['train', '--model', model, '--images', pictures, '--out', saved],
    ...['--attack=D', '--range=0,1', '--epochs=1', '--hold-out=4', '--batch=4'],
    '--backend=cpu',
  );
  t.is(code, 0, err);
  t.regex(out, /Before: 100\.0 % of 4 held-out images right, 100\.0 % under D/);
  t.notRegex(out, /saved/);
  t.regex(out, /No epoch was more robust than the model before training/);
  const [first, second] = [await loadModel(model), await loadModel(saved)];
  const values = (m: tf.LayersModel) =>
    m.getWeights().map(w => Array.from(w.dataSync()));
  t.deepEqual(values(second), values(first));
  first.dispose();
  second.dispose();
});

test('bench prints each row when it is measured, and a table', async t => {
  const folder = temporaryFolder(t);
  const model = await makeModel(folder);
  const {code, out, err} = await run(
    ...['bench', '--model', model, '--attacks=D', '--seconds=1'],
    ...['--batch=4', '--backend=cpu'],
  );
  t.is(code, 0, err);
  t.regex(
    err,
    /network alone: [\d.]+ ms an image\nMeasuring D …\na step of D:/,
  );
  const [alone, step] = ['network alone', 'a step of D'].map(name =>
    Number(new RegExp(`│ ${name} +│ +([\\d.]+) │`).exec(out)?.[1]),
  );
  t.true(alone > 0 && step > alone, out);
  t.regex(out, /8 × 8 × 3, batches of 4, backend cpu, .* searches of 10 steps/);
});

const refusals: Array<
  [what: string, message: RegExp, args: (folder: string) => string[]]
> = [
  ['no model', /required option '--model/, () => ['evaluate']],
  [
    'an option that there is not',
    /unknown option '--modle=x'/,
    () => ['evaluate', '--modle=x'],
  ],
  ['a command that there is not', /unknown command/, () => ['evalute']],
  [
    'a model that is not there',
    /x: no such file or folder/,
    () => ['evaluate', '--model=x', '--backend=cpu'],
  ],
  [
    'pictures without a folder of their own',
    /no sub-folders/,
    folder => [
      'evaluate',
      `--model=${folder}/model 1`,
      `--images=${folder}/flat`,
      '--backend=cpu',
    ],
  ],
  [
    'a range upside down',
    /--range: 0 must be above 1/,
    () => ['evaluate', '--model=x', '--range=1,0'],
  ],
  [
    'a mean alone',
    /--mean and --std are given together/,
    () => ['evaluate', '--model=x', '--mean=0.5'],
  ],
  [
    'a model over itself',
    /--out must be another folder/,
    folder => ['train', `--model=${folder}`, `--out=${folder}/.`],
  ],
  [
    'a share above 1',
    /--mix must be/,
    folder => ['train', '--model=x', `--out=${folder}/o`, '--mix=2'],
  ],
  [
    'an attack that there is not',
    /'X' is not a term/,
    folder => ['attack', '--model=x', `--out=${folder}/o`, '--attack=X'],
  ],
];

test('bad input is one sentence, with exit code 2', async (t: ExecutionContext) => {
  const folder = temporaryFolder(t);
  await makeModel(folder);
  await mkdir(join(folder, 'flat'));
  await writeFile(join(folder, 'flat', 'a.png'), '');
  for (const [what, message, args] of refusals) {
    const {code, err} = await run(...args(folder));
    t.is(code, 2, what);
    t.regex(err, message, what);
    t.notRegex(err, /\n\s+at /, what);
  }
});
