// Trains one small network twice, by ten steps of PGD and by crafting: 'fast', and
// compares time and robust accuracy; docs/fast-training.md has its figures.
//   nice node --conditions=@tfjs-adversarial/source --import=tsx scripts/compare_crafting.ts [--epochs 6] [--examples 5000]
import * as tf from '@tensorflow/tfjs';
import {
  adversarialTraining,
  type AdversarialTrainingArgs,
  evaluateRobustness,
  imageDataset,
  learningRate,
  oneCycle,
} from '../src/index.js';
import {loadCifar10} from '../src/node.js';
import {command, run, startBackend} from '../src/cli/command_line.js';
import {
  backendOption,
  jsonOption,
  threadsOption,
  whole,
} from '../src/cli/options.js';
import {writeWhole} from '../src/io/cache.js';

const BATCH = 100;

/** As in Madry et al. 2018, section 5, with ten steps. */
const PGD: Partial<AdversarialTrainingArgs> = {
  steps: 10,
  optimizer: 'sign',
  learningRate: 2 / 255,
  loss: 'crossEntropy',
  randomStart: true,
  keep: 'last',
  // As often as fast training measures.
  cleanMetrics: false,
  metricsEvery: 10,
};

const WAYS: Record<string, Partial<AdversarialTrainingArgs>> = {
  'ten steps': PGD,
  fast: {crafting: 'fast'},
};

/** A network as users have it; 54,000 weights. */
function network(): tf.LayersModel {
  const convolution = (filters: number, strides: number, seed: number) => [
    tf.layers.conv2d({
      filters,
      strides,
      kernelSize: 3,
      padding: 'same',
      kernelInitializer: tf.initializers.heNormal({seed}),
      ...(seed === 1 && {inputShape: [32, 32, 3]}),
    }),
    tf.layers.batchNormalization(),
    tf.layers.activation({activation: 'relu'}),
  ];
  return tf.sequential({
    layers: [
      ...convolution(24, 2, 1),
      ...convolution(48, 2, 2),
      ...convolution(96, 1, 3),
      tf.layers.globalAveragePooling2d({dataFormat: 'channelsLast'}),
      tf.layers.dense({
        units: 10,
        activation: 'softmax',
        kernelInitializer: tf.initializers.glorotNormal({seed: 4}),
      }),
    ],
  });
}

interface Options {
  epochs: number;
  examples: number;
  test: number;
  seeds: number;
  backend?: string;
  threads?: number;
  json?: string;
}

const program = command('npm run compare_crafting', {
  description: 'Compares fast crafting with ten steps of PGD.',
  examples: ['node … scripts/compare_crafting.ts --epochs 6'],
})
  .option('--epochs <n>', 'passes over the data', whole(1), 6)
  .option('--examples <n>', 'training images', whole(BATCH), 5000)
  .option('--test <n>', 'test images', whole(1), 1000)
  .option('--seeds <n>', 'runs of each kind', whole(1), 1)
  .addOption(backendOption())
  .addOption(threadsOption())
  .addOption(jsonOption());

run<Options>(program, async options => {
  await startBackend(options.backend, options.threads);
  const {examples, epochs, test} = options;
  const train = await loadCifar10({split: 'train', examples});
  const held = await loadCifar10({split: 'test', examples: test});
  const results = [];
  for (let seed = 0; seed < options.seeds; seed++) {
    for (const [name, how] of Object.entries(WAYS)) {
      const model = network();
      const steps = epochs * Math.floor(examples / BATCH);
      model.compile({
        optimizer: tf.train.momentum(0.1, 0.9, true),
        loss: 'categoricalCrossentropy',
        metrics: ['accuracy'],
      });
      const data = imageDataset(train, {
        batchSize: BATCH,
        augment: true,
        dropRemainder: true,
        seed,
      });
      const [began, used] = [performance.now(), process.cpuUsage()];
      await model.fitDataset(data as tf.data.Dataset<tf.TensorContainer>, {
        epochs,
        verbose: 0,
        callbacks: [
          learningRate(oneCycle({peak: 0.1, steps})),
          adversarialTraining({attack: 'D', seed, ...how}),
        ],
      });
      const seconds = (performance.now() - began) / 1000;
      const {user, system} = process.cpuUsage(used);
      console.error(`${name}: trained in ${seconds.toFixed(0)} s`);
      // Fifty steps from a random start.
      const {results: found} = await evaluateRobustness(model, held, {
        attacks: ['None', 'D'],
        steps: 50,
        optimizer: 'sign',
        learningRate: 2 / 255,
        randomStart: true,
        batchSize: 100,
        seed: 0,
      });
      const [clean, robust] = found.map(({accuracy}) => accuracy);
      const result = {
        ...{name, seed, weights: model.countParams(), epochs, examples},
        ...{clean, robust, test, seconds},
        processorSeconds: (user + system) / 1e6,
      };
      console.log(JSON.stringify(result));
      results.push(result);
      model.dispose();
    }
  }
  if (options.json) await writeWhole(options.json, JSON.stringify(results));
});
