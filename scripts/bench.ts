import Table from 'cli-table3';
import {median, quantile} from 'simple-statistics';
import * as tf from '@tensorflow/tfjs';
import {checkWritable, writeWhole} from '../src/io/cache.js';
import {
  attack,
  logits,
  resnet32,
  withoutFilterGradients,
} from '../src/index.js';
import {cifar10Strip} from '../test/helpers/strip.js';
import {benchEvaluation} from './bench_evaluation.js';
import {command, run, startBackend} from '../src/cli/command_line.js';
import {
  backendOption,
  jsonOption,
  path,
  positive,
  seedOption,
  whole,
} from '../src/cli/options.js';
import {scaling} from './scaling.js';
import {splitSpecs} from '../src/cli/search_options.js';

const program = command('npm run bench --', {
  description:
    'Times attack steps against the network alone, all in one run: compare the ratios, not the milliseconds.',
  examples: [
    'npm run bench',
    'npm run bench -- --batch 10 --backend cpu --seconds 2',
    'npm run bench -- --memory 1000',
    'npm run bench -- --scaling',
    'npm run bench -- --evaluation --model undefended.pt --columns D,S --examples 200',
  ],
})
  .addOption(backendOption())
  .option('--batch <n>', 'images in a batch', whole(1), 50)
  .option('--seconds <n>', 'time for each row', positive, 8)
  .option(
    '--memory <batches>',
    'instead, attack this number of batches and print the memory in use',
    whole(1),
  )
  .option(
    '--scaling',
    'instead, time and memory by batch, width and steps; takes minutes',
  )
  .option(
    '--evaluation',
    'instead, time whole cells of an evaluation: full batches against the plain loop',
  )
  .option(
    '--model <path>',
    'with --evaluation: the model, as evaluate takes it (default: a ResNet-32 with random weights)',
    path,
  )
  .option('--columns <specs>', 'with --evaluation: comma-separated', 'D')
  .option('--examples <n>', 'with --evaluation', whole(1), 200)
  .option('--steps <n>', 'with --evaluation', whole(1), 100)
  .addOption(seedOption())
  .addOption(jsonOption());

interface Row {
  name: string;
  milliseconds: number;
  ratio: number;
  /** Of the ratios of the single turns. */
  quartiles: [number, number];
}

interface Options {
  backend?: string;
  batch: number;
  seconds: number;
  memory?: number;
  scaling?: boolean;
  evaluation?: boolean;
  model?: string;
  columns: string;
  examples: number;
  steps: number;
  seed: number;
  json?: string;
}

run<Options>(program, async options => {
  const {batch, seconds, memory, backend, seed, json} = options;
  const columns = splitSpecs(options.columns);
  columns.forEach(spec => attack(spec));
  if (json !== undefined) await checkWritable(json);
  await startBackend(backend);
  if (options.scaling) {
    scaling();
    return;
  }
  if (options.evaluation) {
    const rows = await benchEvaluation({...options, columns});
    if (json) {
      const found = {backend: tf.getBackend(), batch, rows};
      await writeWhole(json, JSON.stringify(found, null, 2) + '\n');
    }
    return;
  }
  const model = resnet32({seed: seed + 1});
  const {images, labels} = realImages(batch);
  if (memory) {
    watchMemory(model, images, labels, memory);
    return;
  }
  console.log(`ResNet-32, batch ${batch}, backend ${tf.getBackend()}\n`);
  const rows = measure(workloads(model, images, labels), batch, seconds);
  const table = new Table({
    head: ['', 'ms an image', '× network alone', 'middle half of turns'],
    style: {head: []},
    colAligns: ['left', 'right', 'right', 'right'],
  });
  for (const {name, milliseconds, ratio, quartiles} of rows) {
    const [low, high] = quartiles.map(q => q.toFixed(2));
    table.push([
      name,
      milliseconds.toFixed(2),
      ratio.toFixed(2),
      `${low}–${high}`,
    ]);
  }
  console.log(table.toString());
  if (json) {
    const found = {backend: tf.getBackend(), batch, rows};
    await writeWhole(json, JSON.stringify(found, null, 2) + '\n');
  }
});

/** The first hundred test images of CIFAR-10, repeated: random colors would be spread unlike those of pictures. */
function realImages(batch: number): {images: tf.Tensor4D; labels: tf.Tensor1D} {
  const strip = cifar10Strip();
  const order = Array.from({length: batch}, (_, i) => i % strip.size);
  return tf.tidy(() => ({
    images: tf.gather(strip.tensor(0, strip.size), order),
    labels: tf.gather(strip.labelTensor(0, strip.size), order),
  }));
}

/** The workloads to time: each runs `count` steps and waits for the result. */
function workloads(
  model: tf.LayersModel,
  images: tf.Tensor4D,
  labels: tf.Tensor1D,
): Record<string, (count: number) => void> {
  const network = (count: number) => {
    for (let i = 0; i < count; i++) {
      tf.tidy(() => {
        const loss = (x: tf.Tensor) =>
          tf.sum(logits(model, x as tf.Tensor4D)) as tf.Scalar;
        withoutFilterGradients(() => tf.grad(loss)(images)).dataSync();
      });
    }
  };
  const forward = (count: number) => {
    for (let i = 0; i < count; i++) {
      tf.tidy(() => void logits(model, images).dataSync());
    }
  };
  const step = (spec: string) => (count: number) => {
    const {margin, ...rest} = attack(spec, {steps: count}).perturb(
      model,
      images,
      labels,
    );
    margin.dataSync();
    tf.dispose([margin, rest as unknown as tf.TensorContainer]);
  };
  const optimizer = tf.train.adam(1e-3);
  const oneHot = tf.oneHot(labels, 10);
  const train = (count: number) => {
    for (let i = 0; i < count; i++) {
      tf.tidy(() => {
        const loss = () =>
          tf.losses.softmaxCrossEntropy(
            oneHot,
            logits(model, images, {training: true}),
          ) as tf.Scalar;
        optimizer.minimize(loss, true)!.dataSync();
      });
    }
  };
  return {
    'network alone (forward + input gradient)': network,
    forward: forward,
    'D step': step('D'),
    'S step': step('S'),
    'C step': step('C'),
    'C+S+D step': step('C+S+D'),
    'training step': train,
  };
}

const SHORT = 1;
const LONG = 5;

/**
 * Each workload's time per step and image. An attack also has a start and an
 * end, so the time of a step is the difference between a longer and a shorter
 * run, divided. Workloads take turns, and each is compared with the network
 * alone in the same turn, so that a change in the machine's speed affects both.
 * Results are medians over the turns.
 */
function measure(
  workloads: Record<string, (count: number) => void>,
  batch: number,
  seconds: number,
): Row[] {
  const works = Object.values(workloads);
  const time = (work: (count: number) => void, count: number) => {
    const started = performance.now();
    work(count);
    return performance.now() - started;
  };
  const perStep = (work: (count: number) => void) => {
    const short = time(work, SHORT);
    return (time(work, LONG) - short) / (LONG - SHORT) / batch;
  };
  // Compiles, and allocates.
  works.forEach(perStep);
  const turns: number[][] = [];
  const end = performance.now() + seconds * 1000 * works.length;
  while (turns.length < 3 || performance.now() < end) {
    turns.push(works.map(perStep));
  }
  return Object.keys(workloads).map((name, i) => {
    const ratios = turns.map(turn => turn[i] / turn[0]);
    return {
      name,
      milliseconds: median(turns.map(turn => turn[i])),
      ratio: median(ratios),
      quartiles: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
    };
  });
}

function watchMemory(
  model: tf.LayersModel,
  images: tf.Tensor4D,
  labels: tf.Tensor1D,
  batches: number,
): void {
  const every = Math.max(1, Math.floor(batches / 10));
  console.log('batches   resident MiB   tensors');
  for (let i = 0; i <= batches; i++) {
    if (i % every === 0) {
      const resident = process.memoryUsage.rss() / 2 ** 20;
      console.log(
        String(i).padStart(7),
        resident.toFixed(0).padStart(14),
        String(tf.memory().numTensors).padStart(9),
      );
    }
    const result = attack('C+S+D', {steps: 1}).perturb(model, images, labels);
    tf.dispose(result as unknown as tf.TensorContainer);
  }
}
