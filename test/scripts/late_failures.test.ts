import {spawn} from 'node:child_process';
import {existsSync} from 'node:fs';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {cacheDirectory} from '../../src/io/cache.js';
import {saveModel} from '../../src/node.js';
import {skipped} from '../helpers/backends.js';
import {temporaryFolder} from '../helpers/folder.js';
import {nodeArguments} from '../helpers/node_arguments.js';

async function tinyModel(folder: string): Promise<string> {
  const convolution = (inputShape?: [number, number, number]) =>
    tf.layers.conv2d({
      ...{filters: 2, kernelSize: 4, strides: 4, inputShape},
      kernelInitializer: tf.initializers.heNormal({seed: 1}),
    });
  const model = tf.sequential({
    layers: [
      convolution([32, 32, 3]),
      tf.layers.flatten(),
      tf.layers.dense({units: 10}),
    ],
  });
  await saveModel(model, folder);
  model.dispose();
  return folder;
}

interface Ended {
  code: number | null;
  out: string;
  err: string;
  /** Time between the sentence of the error and the end. */
  seconds: number;
}

/** Runs a command line whose gradients fail after a number of them. */
function runFailing(
  script: string,
  args: string[],
  after: number,
): Promise<Ended> {
  const child = spawn(
    process.execPath,
    [...nodeArguments(script, 'test/helpers/failing_gradient'), ...args],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {...process.env, FAIL_AFTER: String(after)},
    },
  );
  const found = {out: '', err: ''};
  let said = Infinity;
  child.stdout.on('data', chunk => (found.out += chunk));
  child.stderr.on('data', chunk => {
    found.err += chunk;
    if (/Error: /.test(found.err)) said = Math.min(said, performance.now());
  });
  return new Promise(resolve =>
    child.on('close', code =>
      resolve({code, ...found, seconds: (performance.now() - said) / 1000}),
    ),
  );
}

if (existsSync(join(cacheDirectory('cifar10'), 'test.bin'))) {
  const SMALL = ['--backend=cpu', '--examples=60', '--steps=20', '--batch=10'];

  /** Each has bars, timers or locks that go on while it searches or trains. */
  const COMMANDS: Record<
    string,
    {script: string; after: number; args(model: string, out: string): string[]}
  > = {
    evaluate: {
      script: 'scripts/evaluate',
      after: 4,
      args: model => [`--model=${model}`, '--attacks=None,D,S', ...SMALL],
    },
    'evaluate with the images saved': {
      script: 'scripts/evaluate',
      after: 4,
      args: (model, out) => [
        ...[`--model=${model}`, '--attacks=None,D', ...SMALL],
        `--save=${out}.safetensors`,
      ],
    },
    'evaluate, strong': {
      script: 'scripts/evaluate',
      // One is the warnings'.
      after: 1,
      args: model => [`--model=${model}`, '--attacks=None,strong(D)', ...SMALL],
    },
    table1: {
      script: 'scripts/table1',
      after: 4,
      args: (model, out) => [
        ...[`--row=D=${model}`, `--out=${out}`, '--columns=None,D', '--part=5'],
        ...SMALL,
      ],
    },
    figures: {
      script: 'scripts/figures',
      after: 4,
      args: (model, out) => [
        ...[`--model=${model}`, `--out=${out}`, '--figure=5', ...SMALL],
      ],
    },
    train: {
      // The command line with a network that plain JavaScript trains at once.
      script: 'test/helpers/train_tiny',
      after: 4,
      args: (_, out) => [
        ...['--defense=D', '--network=small', '--epochs=1', `--out=${out}`],
        ...['--backend=cpu', '--examples=12', '--steps=1', '--batch=4'],
      ],
    },
  };

  for (const [name, {script, after, args}] of Object.entries(COMMANDS)) {
    test(`${name}: a failure after the progress bar has begun ends the process`, async t => {
      t.timeout(240_000);
      const folder = temporaryFolder(t);
      const model = await tinyModel(join(folder, 'model'));
      const out = join(folder, 'out');
      const {code, err, seconds} = await runFailing(
        script,
        args(model, out),
        after,
      );
      t.is(code, 2, err);
      t.regex(err, /Error: The device was lost\./);
      // The bar was there.
      t.regex(err, /[█░]|-----|Training D/);
      t.true(seconds < 10, `it went on for ${seconds} s`);
      t.false(existsSync(join(out, 'lock')));
      t.false(existsSync(`${out}.safetensors`));
    });
  }
} else {
  skipped(test, 'failures in the middle', 'CIFAR-10 is not in the cache');
}
