import Table from 'cli-table3';
import * as tf from '@tensorflow/tfjs';
import {
  attack,
  type Attack,
  attackExamples,
  type AttackExamplesArgs,
  type Classifier,
  resnet32,
} from '../src/index.js';
import {loadCifar10} from '../src/node.js';
import {readCifar10Model} from './models.js';

export interface EvaluationBenchOptions {
  model?: string;
  columns: string[];
  examples: number;
  steps: number;
  batch: number;
  seed: number;
}

interface Found {
  attack: string;
  way: string;
  seconds: number;
  cellsPerHour: number;
  right: number;
}

interface Labeled {
  images: tf.Tensor4D;
  labels: tf.Tensor1D;
}

/** The plain loop, batch after batch. */
async function attackInBatches(
  search: Attack,
  model: Classifier,
  {images, labels}: Labeled,
  {batchSize, onFinished}: AttackExamplesArgs,
): Promise<void> {
  for (let i = 0; i < images.shape[0]; i += batchSize) {
    const size = Math.min(batchSize, images.shape[0] - i);
    const margin = tf.tidy(
      () =>
        search.perturb(
          model,
          tf.slice(images, i, size),
          tf.slice(labels, i, size),
        ).margin,
    );
    const margins = await margin.data();
    margin.dispose();
    margins.forEach((margin, j) => onFinished({index: i + j, margin}));
  }
}

/**
 * The ways to evaluate a cell: full batches, and the plain loop, whose batches
 * keep their misclassified examples, or become smaller without them.
 */
const WAYS = [
  {way: 'full batches', run: attackExamples, earlyStop: true},
  {way: 'plain loop', run: attackInBatches, earlyStop: false},
  {way: 'plain loop, early stop', run: attackInBatches, earlyStop: true},
];

/** Times whole cells of an evaluation, including compilation. */
export async function benchEvaluation(
  options: EvaluationBenchOptions,
): Promise<Found[]> {
  const {columns, examples, steps, batch, seed} = options;
  const model = options.model
    ? await readCifar10Model(options.model)
    : resnet32({seed: seed + 1});
  const data = await loadCifar10({examples});
  const images = data.tensor();
  const labels = options.model
    ? data.labelTensor()
    : // Its own predictions, so that there is something to attack.
      tf.tidy(() => {
        const parts = tf
          .split(images, partSizes(examples, batch))
          .map(part => tf.argMax(model.predict(part) as tf.Tensor, 1));
        return tf.cast(tf.concat(parts), 'int32') as tf.Tensor1D;
      });
  const found: Found[] = [];
  for (const spec of columns) {
    for (const {way, run, earlyStop} of WAYS) {
      const search = attack(spec, {steps, earlyStop, seed});
      let right = 0;
      const started = performance.now();
      const onFinished = ({margin}: {margin: number}) => {
        right += Number(margin >= 0);
      };
      await run(
        search,
        model,
        {images, labels},
        {batchSize: batch, onFinished},
      );
      const seconds = (performance.now() - started) / 1000;
      const cellsPerHour = 3600 / seconds;
      found.push({attack: spec, way, seconds, cellsPerHour, right});
    }
  }
  tf.dispose([images, labels]);
  print(found, options);
  return found;
}

function partSizes(n: number, size: number): number[] {
  return Array.from({length: Math.ceil(n / size)}, (_, i) =>
    Math.min(size, n - i * size),
  );
}

function print(found: Found[], options: EvaluationBenchOptions): void {
  const {model, examples, steps, batch} = options;
  console.log(
    `${model ?? 'ResNet-32 with random weights'}: ${examples} examples, ${steps} steps, batch ${batch}, backend ${tf.getBackend()}\n`,
  );
  const table = new Table({
    head: ['attack', '', 'seconds', 'cells an hour', '× plain', 'right'],
    style: {head: [], border: []},
    colAligns: ['left', 'left', 'right', 'right', 'right', 'right'],
  });
  for (const row of found) {
    const plain = found.find(
      ({attack, way}) => attack === row.attack && way === 'plain loop',
    )!;
    table.push([
      row.attack,
      row.way,
      row.seconds.toFixed(1),
      row.cellsPerHour.toFixed(1),
      (plain.seconds / row.seconds).toFixed(2),
      row.right,
    ]);
  }
  console.log(table.toString());
}
