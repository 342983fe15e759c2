import {rm} from 'node:fs/promises';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {checkFolder, checkWritable, writeWhole} from '../src/io/cache.js';
import {ownFolder} from '../src/io/lock.js';
import {progressBar} from '../src/io/progress.js';
import {
  adversarialTraining,
  batchesPerEpoch,
  evaluateRobustness,
  type ImageSet,
  imageDataset,
  smallCnn,
  tensorBoard,
} from '../src/index.js';
import {loadCifar10, saveModel, savePng, setupTensorflow} from '../src/node.js';
import {command, run, startBackend} from '../src/cli/command_line.js';
import {
  backendOption,
  jsonOption,
  path,
  seedOption,
} from '../src/cli/options.js';
import {attacksPicture} from './picture.js';
import {robustnessTable} from './robustness_table.js';

const program = command('npm run demo --', {
  description:
    'Trains a small network on CIFAR-10 without attacks and against C+S+D, and attacks both. Takes a few minutes on two cores.',
  examples: ['npm run demo'],
})
  .addOption(backendOption())
  .option(
    '--out <folder>',
    'for models, logs and the picture; those of an earlier demo are replaced',
    path,
    'runs/demo',
  )
  .addOption(seedOption())
  .addOption(jsonOption());

interface Options {
  backend?: string;
  out: string;
  seed: number;
  json?: string;
}

const BATCH = 50;
const ATTACKS = ['None', 'C', 'D', 'S', 'C+S+D'];
/** Images that the models are attacked on, and steps of each attack. */
const EXAMPLES = 100;
const STEPS = 20;

run<Options>(program, async ({backend, out, seed, json}) => {
  const started = performance.now();
  await checkFolder(out);
  if (json !== undefined) await checkWritable(json);
  await ownFolder(out);
  console.error('Loading CIFAR-10 …');
  if (backend === 'tensorflow') await setupTensorflow();
  await startBackend(backend);
  const train = await loadCifar10({split: 'train'});
  const test = await loadCifar10({examples: EXAMPLES});
  // Nothing else: the folder may hold other files.
  for (const name of ['plain', 'C+S+D', 'logs', 'attacks.png']) {
    await rm(join(out, name), {recursive: true, force: true});
  }

  // Both begin with the same plain training. Then one continues with it, and
  // the other, on the same images, trains against its own adversarial examples.
  const plain = network(seed);
  await fit(plain, 'Training both', train.slice(0, 20000), {epochs: 2, seed});
  const robust = network(seed);
  const weights = plain.getWeights();
  robust.setWeights(weights);
  const rest = train.slice(20000, 27000);
  await fit(plain, 'Training without attacks', rest, {
    epochs: 1,
    seed,
    callbacks: [tensorBoard(join(out, 'logs/plain'))],
  });
  await fit(robust, 'Training against C+S+D', rest, {
    epochs: 1,
    seed,
    callbacks: [
      adversarialTraining({
        attack: 'C+S+D',
        steps: 3,
        tensorBoard: join(out, 'logs/C+S+D'),
      }),
    ],
  });
  await saveModel(plain, join(out, 'plain'));
  await saveModel(robust, join(out, 'C+S+D'));

  const rows = [];
  for (const [name, model] of Object.entries({plain, 'C+S+D': robust})) {
    const bar = progressBar(`Attacking ${name}`, ATTACKS.length * EXAMPLES);
    let before = 0;
    try {
      const report = await evaluateRobustness(model, test, {
        attacks: ATTACKS,
        steps: STEPS,
        learningRate: 0.005,
        onProgress: ({done, examples}) => {
          bar.update(before + done);
          if (done === examples) before += done;
        },
      });
      rows.push({
        name: name === 'plain' ? 'plain training' : `against ${name}`,
        report,
      });
    } finally {
      bar.stop();
    }
  }
  const picture = join(out, 'attacks.png');
  const attacked = attacksPicture(plain, test, {
    attacks: ATTACKS,
    steps: STEPS,
    learningRate: 0.005,
  });
  await savePng(picture, attacked);
  attacked.pixels.dispose();

  if (json !== undefined)
    await writeWhole(json, JSON.stringify(rows, null, 2) + '\n');
  const minutes = (performance.now() - started) / 60_000;
  console.log(
    `\nAccuracy in % on ${EXAMPLES} CIFAR-10 test images under attacks of ${STEPS} steps:\n`,
  );
  console.log(robustnessTable(rows));
  console.log(`
This took ${minutes.toFixed(1)} minutes. Next:
  ${picture}
    images that the plain model classifies correctly, clean and under each attack, with the predicted classes
  tensorboard --logdir ${join(out, 'logs')}
    curves, attacked images and histograms (pip install tensorboard)
  npm run evaluate -- --model ${join(out, 'C+S+D')} --examples 200
    the full attacks of 100 steps
  npm run train -- --defense C+S+D --epochs 10 --out runs/csd
    a ResNet-32, trained for real
In your own project it is one line of model.fit: callbacks: adversarialTraining({attack: 'C+S+D'}).`);
  if (rows[1].report.worstCase <= rows[0].report.worstCase) {
    throw new Error(
      'The adversarially trained model is no better under attack: something is wrong.',
    );
  }
});

function network(seed: number): tf.LayersModel {
  const model = smallCnn({width: 16, seed: seed + 1});
  model.compile({
    optimizer: tf.train.adam(0.002),
    loss: 'categoricalCrossentropy',
    metrics: ['accuracy'],
  });
  return model;
}

async function fit(
  model: tf.LayersModel,
  title: string,
  data: ImageSet,
  {
    epochs,
    seed,
    callbacks = [],
  }: {epochs: number; seed: number; callbacks?: tf.CustomCallback[]},
): Promise<void> {
  const dataset = imageDataset(data, {batchSize: BATCH, augment: true, seed});
  const bar = progressBar(
    title,
    epochs * batchesPerEpoch(data, {batchSize: BATCH}),
  );
  let done = 0;
  try {
    await model.fitDataset(dataset as tf.data.Dataset<tf.TensorContainer>, {
      epochs,
      verbose: 0,
      callbacks: [
        ...callbacks,
        new tf.CustomCallback({onBatchEnd: () => bar.update(++done)}),
      ],
    });
  } finally {
    bar.stop();
  }
}
