import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import protobuf from 'protobufjs';
import {adversarialTraining} from '../../src/callbacks/adversarial_training.js';
import {trades} from '../../src/defenses/trades.js';
import type {SummaryWriter} from '../../src/tensorboard/summary_writer.js';
import {onBackend} from '../helpers/backends.js';
import {eventFiles, readRecords} from '../helpers/event_reader.js';
import {leakAsync} from '../helpers/memory.js';
import {small} from '../helpers/toy.js';
import {
  compiled,
  dataset,
  FIT,
  trainByHand,
  weightDifference,
  x,
  y,
} from '../helpers/training.js';

/** The parts of tfjs-node that are used here. */
interface TfjsNode {
  node: {summaryFileWriter(dir: string): SummaryWriter};
}

/** Scalars as TensorFlow's own writer writes them, `{tag: [[step, value], …]}`. */
function simpleValues(dir: string): Record<string, Array<[number, number]>> {
  const Event = protobuf
    .parse(
      `syntax = "proto3";
      message Value { string tag = 1; optional float simple_value = 2; }
      message Summary { repeated Value value = 1; }
      message Event { int64 step = 2; Summary summary = 5; }`,
    )
    .root.lookupType('Event');
  const series: Record<string, Array<[number, number]>> = {};
  for (const file of eventFiles(dir)) {
    for (const record of readRecords(readFileSync(file))) {
      const {step, summary} = Event.toObject(Event.decode(record), {
        longs: Number,
      });
      for (const {tag, simpleValue} of summary?.value ?? []) {
        if (simpleValue !== undefined) {
          (series[tag] ??= []).push([step, simpleValue]);
        }
      }
    }
  }
  return series;
}

// What most people train on.
await onBackend(test, 'tensorflow', test => {
  const OPTIONS = {steps: 2, learningRate: 0.05};

  test.serial('tensorflow: fit and fitDataset train as by hand', async t => {
    const options = {batchNormalization: true};
    const byHand = compiled(options);
    await trainByHand(byHand, y, small('C+S+D'), OPTIONS, {epochs: 2});
    const args = {attack: small('C+S+D'), steps: 2};
    const fitted = compiled(options);
    await fitted.fit(x, y, {
      ...FIT,
      epochs: 2,
      callbacks: adversarialTraining(args),
    });
    t.true(weightDifference(fitted, byHand) < 1e-4);
    const streamed = compiled(options);
    await streamed.fitDataset(dataset(), {
      epochs: 2,
      verbose: 0,
      callbacks: adversarialTraining(args),
    });
    t.true(weightDifference(streamed, byHand) < 1e-4);
  });

  test.serial('tensorflow: zero steps are plain training', async t => {
    const [model, other] = [compiled(), compiled()];
    await model.fit(x, y, {
      ...FIT,
      callbacks: adversarialTraining({attack: small('C+S+D'), steps: 0}),
    });
    await other.fit(x, y, FIT);
    t.is(weightDifference(model, other), 0);
  });

  test.serial('tensorflow: nothing leaks', async t => {
    const model = compiled({optimizer: () => tf.train.adam(0.01)});
    for (const objective of [undefined, trades()]) {
      const fit = () =>
        model.fit(x, y, {
          ...FIT,
          callbacks: adversarialTraining({attack: 'S+D', steps: 2, objective}),
        });
      await fit();
      t.is(await leakAsync(async () => void (await fit())), 0);
    }
  });

  test.serial(
    "tensorflow: tfjs-node's progress bar shows our numbers",
    async t => {
      const written: string[] = [];
      const {stderr, stdout} = process;
      const [err, out, log] = [stderr.write, stdout.write, console.log];
      const keep = (text: unknown) => {
        written.push(String(text));
        return true;
      };
      stderr.write = keep as typeof stderr.write;
      stdout.write = keep as typeof stdout.write;
      console.log = keep;
      try {
        await compiled().fit(x, y, {
          ...FIT,
          verbose: 1,
          callbacks: adversarialTraining({attack: 'D', steps: 1}),
        });
      } finally {
        stderr.write = err;
        stdout.write = out;
        console.log = log;
      }
      const shown = written.join('');
      t.true(/adv_acc=\d/.test(shown), shown);
      t.true(/size_D=0\.\d/.test(shown));
    },
  );

  test.serial('tensorflow: tf.node.summaryFileWriter is accepted', async t => {
    const dir = mkdtempSync(join(tmpdir(), 'summary-file-writer-'));
    t.teardown(() => rmSync(dir, {recursive: true, force: true}));
    const {node} = tf as unknown as TfjsNode;
    const {summaryFileWriter} =
      node ??
      ((await import('@tensorflow/tfjs-node')) as unknown as TfjsNode).node;
    const {history} = await compiled().fit(x, y, {
      ...FIT,
      epochs: 2,
      callbacks: adversarialTraining({
        attack: 'D',
        steps: 1,
        tensorBoard: summaryFileWriter(dir),
      }),
    });
    const scalars = simpleValues(dir);
    for (const key of ['loss', 'adv_acc', 'adv_margin', 'size_D']) {
      t.deepEqual(
        scalars[`train/epoch/${key}`].map(([step]) => step),
        [1, 2],
      );
      scalars[`train/epoch/${key}`].forEach(([, value], i) =>
        t.true(Math.abs(value - (history[key][i] as number)) < 1e-5),
      );
      t.is(scalars[`train/batch/${key}`].length, 6);
    }
  });
});
