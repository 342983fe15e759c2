import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {attack} from '../../src/attacks/attack.js';
import {logits} from '../../src/models/logits.js';
import {margin} from '../../src/attacks/losses.js';
import {
  adversarialTraining,
  type AdversarialTrainingArgs,
} from '../../src/callbacks/adversarial_training.js';
import {trades} from '../../src/defenses/trades.js';
import type {SummaryWriter} from '../../src/tensorboard/summary_writer.js';
import {missingBackend, usual} from '../helpers/backends.js';
import {eventFiles, readEvents, readScalars} from '../helpers/event_reader.js';
import {small} from '../helpers/toy.js';
import {
  BATCH,
  batchesOf,
  compiled,
  dataset,
  FIT,
  x,
  y,
} from '../helpers/training.js';

await missingBackend(usual);

const root = mkdtempSync(join(tmpdir(), 'adversarial-logs-'));
test.after.always(() => rmSync(root, {recursive: true, force: true}));

const ARGS: AdversarialTrainingArgs = {attack: 'D', steps: 2};
const KEYS = [
  'clean_acc',
  'clean_loss',
  'clean_margin',
  'adv_acc',
  'adv_loss',
  'adv_margin',
  'size_D',
  'craft_ms',
];

/** Accuracy, cross-entropy and margin, averaged over a batch. */
function seen(model: tf.LayersModel, images: tf.Tensor4D, labels: tf.Tensor2D) {
  const z = logits(model, images);
  const margins = [...margin(z, labels).dataSync()];
  const loss = tf.losses.softmaxCrossEntropy(labels, z).dataSync()[0];
  const mean = (v: number[]) => v.reduce((a, b) => a + b, 0) / v.length;
  return {
    acc: mean(margins.map(m => (m >= 0 ? 1 : 0))),
    loss,
    margin: mean(margins),
  };
}

test.serial(
  'logs are of each batch before its update, in inference mode',
  async t => {
    const options = {batchNormalization: true, dropout: true};
    const [images, labels] = batchesOf(y)[0] as [tf.Tensor4D, tf.Tensor2D];
    const fresh = compiled(options);
    const crafted = attack('D', {steps: 2, learningRate: 0.05}).perturb(
      fresh,
      images,
      labels,
    );
    const clean = seen(fresh, images, labels);
    const adversarial = seen(fresh, crafted.adversarial, labels);
    const {history} = await compiled(options).fit(images, labels, {
      ...FIT,
      callbacks: adversarialTraining(ARGS),
    });
    for (const [name, values] of Object.entries({
      clean,
      adv: adversarial,
    })) {
      for (const [key, value] of Object.entries(values)) {
        const logged = history[`${name}_${key}`][0] as number;
        t.true(Math.abs(logged - value) < 1e-5, `${name}_${key}: ${logged}`);
      }
    }
    t.true(adversarial.margin < clean.margin);
    const size = tf.mean(crafted.sizes.D).dataSync()[0];
    t.true(Math.abs((history.size_D[0] as number) - size) < 1e-6);
    t.true((history.craft_ms[0] as number) > 0);
  },
);

const HISTORIES: Record<string, [AdversarialTrainingArgs, keys: string[]]> = {
  'by default': [ARGS, KEYS],
  "with mix: 'both'": [{...ARGS, mix: 'both'}, KEYS],
  'with an objective': [{...ARGS, objective: trades()}, KEYS],
  'without clean metrics': [
    {...ARGS, cleanMetrics: false},
    KEYS.filter(key => !key.startsWith('clean')),
  ],
  'with several terms': [
    {attack: small('C-RGB+S+D'), steps: 1},
    [...KEYS, 'size_C-RGB', 'size_S'],
  ],
  'with one term twice': [{attack: 'D+D', steps: 1}, [...KEYS, 'size_D#2']],
  'every second batch': [{...ARGS, every: 2}, KEYS],
  'of no attack': [
    {attack: 'None'},
    KEYS.filter(key => !key.startsWith('size')),
  ],
};

for (const [what, [args, keys]] of Object.entries(HISTORIES)) {
  test.serial(`History, ${what}, has numbers for each epoch`, async t => {
    for (const fit of [
      (callbacks: tf.CustomCallback) =>
        compiled().fit(x, y, {...FIT, epochs: 2, callbacks}),
      (callbacks: tf.CustomCallback) =>
        compiled().fitDataset(dataset(), {epochs: 2, verbose: 0, callbacks}),
    ]) {
      const {history} = await fit(adversarialTraining(args));
      t.deepEqual(Object.keys(history).sort(), ['loss', 'acc', ...keys].sort());
      for (const [key, values] of Object.entries(history)) {
        t.is(values.length, 2, key);
        t.true(
          values.every(v => typeof v === 'number' && Number.isFinite(v)),
          `${key}: ${values}`,
        );
      }
    }
  });
}

test.serial(
  'other callbacks get the same numbers, in whatever order',
  async t => {
    for (const first of [true, false]) {
      const batches: tf.Logs[] = [];
      const epochs: tf.Logs[] = [];
      const other = new tf.CustomCallback({
        onBatchEnd: async (_, logs) => void batches.push({...logs}),
        onEpochEnd: async (_, logs) => void epochs.push({...logs}),
      });
      const ours = adversarialTraining(ARGS);
      const {history} = await compiled().fit(x, y, {
        ...FIT,
        epochs: 2,
        callbacks: first ? [ours, other] : [other, ours],
      });
      t.is(batches.length, (2 * x.shape[0]) / BATCH);
      for (const key of KEYS) {
        t.true(batches.every(logs => typeof logs[key] === 'number'));
        t.deepEqual(
          epochs.map(logs => logs[key]),
          history[key] as number[],
        );
        const average =
          (batches[0][key] + batches[1][key] + batches[2][key]) / 3;
        t.true(
          Math.abs(average - epochs[0][key]) < 1e-5 * (1 + Math.abs(average)),
        );
      }
    }
  },
);

test.serial(
  'an epoch whose last batch is smaller is averaged by examples',
  async t => {
    const some = tf.slice(x, [0, 0, 0, 0], [6, -1, -1, -1]);
    const sizes: number[] = [];
    const accuracies: number[] = [];
    const {history} = await compiled().fit(some, tf.slice(y, [0, 0], [6, -1]), {
      ...FIT,
      callbacks: [
        adversarialTraining(ARGS),
        new tf.CustomCallback({
          onBatchEnd: async (_, logs) => {
            sizes.push(logs!.size);
            accuracies.push(logs!.adv_margin);
          },
        }),
      ],
    });
    t.deepEqual(sizes, [4, 2]);
    const [a, b] = accuracies;
    const wanted = (4 * a + 2 * b) / 6;
    t.true(Math.abs((history.adv_margin[0] as number) - wanted) < 1e-6);
  },
);

test.serial(
  'TensorBoard gets curves, pictures, distributions and the configuration',
  async t => {
    const dir = join(root, 'run');
    const {history} = await compiled().fit(x, y, {
      ...FIT,
      epochs: 2,
      validationData: [x, y],
      callbacks: adversarialTraining({
        ...ARGS,
        attack: 'S+D',
        every: 2,
        tensorBoard: dir,
      }),
    });
    const train = readScalars(join(dir, 'train'));
    for (const key of ['loss', 'acc', 'size_S', ...KEYS]) {
      t.deepEqual(
        train[`epoch/${key}`],
        history[key].map((value, i) => [i + 1, Math.fround(value as number)]),
        key,
      );
      t.is(train[`batch/${key}`].length, 6, key);
    }
    const val = readScalars(join(dir, 'val'));
    t.deepEqual(
      val['epoch/loss'].map(([, value]) => value),
      history.val_loss.map(value => Math.fround(value as number)),
    );
    const others = eventFiles(join(dir, 'attack'))
      .flatMap(readEvents)
      .flatMap(({step = 0, summary}) =>
        (summary?.value ?? []).map(({tag, tensor, metadata}) => ({
          step,
          tag,
          plugin: metadata.pluginData.pluginName,
          tensor,
        })),
      );
    const of = (plugin: string) =>
      others.filter(o => o.plugin === plugin).map(o => [o.tag, o.step]);
    // Of the first batch of each epoch that is attacked.
    t.deepEqual(of('images'), [
      ['attack/images', 1],
      ['attack/images', 2],
    ]);
    t.deepEqual(
      of('histograms').sort(),
      ['attack/margin', 'attack/size_D', 'attack/size_S'].flatMap(tag => [
        [tag, 1],
        [tag, 2],
      ]),
    );
    const [text] = others.filter(o => o.plugin === 'text');
    const markdown = Buffer.from(text.tensor.stringVal![0]).toString();
    const configuration = JSON.parse(markdown.replaceAll(/^```(json)?$/gm, ''));
    t.like(configuration, {
      attack: 'S+D',
      steps: 2,
      every: 2,
      mix: 'adversarial',
      objective: 'loss',
      confidence: 'Infinity',
      learningRate: 0.05,
    });
    // Beside the runs, where TensorBoard finds the metrics of all of them.
    const plugins = eventFiles(dir)
      .flatMap(readEvents)
      .flatMap(({summary}) =>
        (summary?.value ?? []).map(v => v.metadata.pluginData.pluginName),
      );
    t.true(plugins.includes('hparams'));
  },
);

test.serial('a writer of three methods gets what it can write', async t => {
  const written = {scalar: 0, histogram: 0, flush: 0};
  const names = new Set<string>();
  const writer: SummaryWriter = {
    scalar: name => {
      names.add(name);
      written.scalar++;
    },
    histogram: name => {
      names.add(name);
      written.histogram++;
    },
    flush: () => void written.flush++,
  };
  await compiled().fit(x, y, {
    ...FIT,
    epochs: 2,
    callbacks: adversarialTraining({...ARGS, tensorBoard: writer}),
  });
  t.true(names.has('train/epoch/adv_acc'));
  t.true(names.has('train/batch/adv_acc'));
  t.true(names.has('attack/margin'));
  t.is(written.histogram, 4);
  t.true(written.flush >= 2);
});

test.serial('what is no writer is refused before training', t => {
  const bad = {scalar: () => {}} as unknown as SummaryWriter;
  const {message} = t.throws(() =>
    adversarialTraining({...ARGS, tensorBoard: bad}),
  );
  t.regex(message, /scalar, histogram and flush, but histogram is missing/);
});
