import {readFile, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {Option} from 'commander';
import * as tf from '@tensorflow/tfjs';
import {grayscale, imageDataset, tensorBoard} from '../src/index.js';
import {loadCifar10, loadModel, saveModel} from '../src/node.js';
import {writeWhole} from '../src/data/cache.js';
import {batchesPerEpoch} from '../src/data/batches.js';
import {progressBar} from '../src/data/progress.js';
import {
  backendOption,
  command,
  positive,
  run,
  seedOption,
  startBackend,
  stopOnInterrupt,
  whole,
} from './command_line.js';
import {DEFENSES, defenseCallbacks, findDefense} from './defenses.js';
import {type NetworkName, NETWORKS} from './models.js';

const program = command('train', {
  description:
    'Trains a CIFAR-10 classifier with one of the defences of Table 1, logged to TensorBoard.',
  examples: [
    'npm run train -- --defense C+S+D --epochs 10 --out runs/csd',
    "npm run train -- --defense 'C (B&W)' --epochs 5 --examples 5000 --network small --out runs/bw",
    'npm run train -- --defense C+S+D --epochs 20 --out runs/csd --resume',
  ],
})
  .requiredOption(
    '--defense <row>',
    `one of ${DEFENSES.map(row => row.name).join(', ')}`,
  )
  .requiredOption('--epochs <n>', 'passes over the data', whole(1))
  .requiredOption('--out <folder>', 'for the model, its checkpoints and logs')
  .option('--examples <n>', 'training images (default: all 50,000)', whole(1))
  .option('--batch <n>', 'images in a batch', whole(1), 128)
  .option('--steps <n>', 'attack steps for each batch', whole(0), 10)
  .option('--learning-rate <x>', "Adam's", positive, 0.001)
  .addOption(
    new Option('--network <name>', 'what to train')
      .choices(Object.keys(NETWORKS))
      .default('resnet32'),
  )
  .option('--init <folder>', 'start from the weights of this model')
  .option('--resume', 'go on from the last finished epoch in --out')
  .addOption(backendOption())
  .addOption(seedOption())
  .option('--json <file>', 'write the losses and metrics of each epoch');

interface Options {
  defense: string;
  epochs: number;
  out: string;
  examples?: number;
  batch: number;
  steps: number;
  learningRate: number;
  network: NetworkName;
  init?: string;
  resume?: boolean;
  backend?: string;
  seed: number;
  json?: string;
}

type History = Array<Record<string, number>>;

run<Options>(program, async options => {
  const defense = findDefense(options.defense);
  const {epochs, out, examples, batch, steps, seed, resume} = options;
  const known = await stat(join(out, 'model.json')).catch(() => null);
  if (known && !resume) {
    throw new Error(
      `${out} holds a model already: give --resume to go on with it, or another --out.`,
    );
  }
  if (!known && resume) {
    throw new Error(
      `There is nothing in ${out} to resume; leave out --resume.`,
    );
  }
  const stop = stopOnInterrupt();
  await startBackend(options.backend);
  const {model, history} = resume
    ? await resumeModel(options, defense.name)
    : {model: await newModel(options, defense.grayscale), history: []};
  const first = history.length;
  if (first >= epochs) {
    console.log(`${out} has its ${first} epochs already.`);
    return;
  }
  const data = await loadCifar10({split: 'train', examples});
  const dataset = imageDataset(data, {
    batchSize: batch,
    augment: true,
    seed,
    epoch: first,
  });
  const total = batchesPerEpoch(data, {batchSize: batch}) * (epochs - first);
  const bar = progressBar(`Training ${defense.name}`, total);
  let done = 0;
  const save = () =>
    saveModel(model, out, {
      includeOptimizer: true,
      metadata: {
        defense: defense.name,
        network: options.network,
        seed,
        batch,
        steps,
        examples: data.size,
        history,
      },
    });
  const logs = join(out, 'logs');
  await model.fitDataset(dataset as tf.data.Dataset<tf.TensorContainer>, {
    epochs,
    initialEpoch: first,
    verbose: 0,
    callbacks: [
      ...defenseCallbacks(defense, {steps, seed, tensorBoard: logs}),
      ...(defense.training ? [] : [tensorBoard(logs, {updateFreq: 'batch'})]),
      new tf.CustomCallback({
        onBatchEnd: () => {
          bar.update(++done);
          if (stop.aborted) model.stopTraining = true;
        },
        onEpochEnd: async (epoch, logs) => {
          // An epoch that was cut short is trained again on resuming.
          if (stop.aborted) return;
          history.push({...(logs as Record<string, number>)});
          await save();
          console.error(`\nepoch ${epoch + 1}/${epochs}: ${summary(logs)}`);
        },
      }),
    ],
  });
  bar.stop();
  if (options.json) {
    await writeWhole(
      options.json,
      JSON.stringify({defense: defense.name, history}, null, 2) + '\n',
    );
  }
  if (stop.aborted) {
    console.log(
      history.length
        ? `Stopped after ${history.length} whole epochs; go on with --resume.`
        : 'Stopped before the first epoch was finished: nothing was saved.',
    );
    process.exitCode = 130;
    return;
  }
  console.log(
    `\nThe model is in ${out}. Attack it:\n  npm run evaluate -- --model ${out} --examples 200\nIts logs:\n  tensorboard --logdir ${logs}`,
  );
});

async function newModel(
  {network, seed, init, learningRate}: Options,
  gray: boolean,
): Promise<tf.LayersModel> {
  let model: tf.LayersModel;
  if (init) {
    model = await loadModel(init);
  } else {
    const inner = NETWORKS[network]({seed: seed + 1});
    model = gray ? grayscale(inner) : inner;
  }
  compile(model, learningRate);
  return model;
}

async function resumeModel(
  {out, learningRate}: Options,
  defense: string,
): Promise<{model: tf.LayersModel; history: History}> {
  const model = await loadModel(out);
  const {userDefinedMetadata: saved} = JSON.parse(
    await readFile(join(out, 'model.json'), 'utf8'),
  ) as {userDefinedMetadata?: {defense?: string; history?: History}};
  if (!saved?.history) {
    throw new Error(`${out} was not made by train, and cannot be resumed.`);
  }
  if (saved.defense !== defense) {
    throw new Error(
      `${out} was trained with the defence ${saved.defense}, not ${defense}.`,
    );
  }
  if (!model.optimizer) compile(model, learningRate);
  return {model, history: saved.history};
}

function compile(model: tf.LayersModel, learningRate: number): void {
  model.compile({
    optimizer: tf.train.adam(learningRate),
    loss: 'categoricalCrossentropy',
    metrics: ['accuracy'],
  });
}

function summary(logs: tf.Logs = {}): string {
  const shown = ['loss', 'acc', 'clean_acc', 'adv_acc', 'adv_margin'];
  return shown
    .filter(key => key in logs)
    .map(key => `${key} ${Number(logs[key]).toFixed(3)}`)
    .join(', ');
}
