import Table from 'cli-table3';
import * as tf from '@tensorflow/tfjs';
import {attack, resnet32, wideResnet} from '../src/index.js';
import type {OnnxBackend} from '../src/onnx.js';

/** Prints how time and memory grow with batch size, width, steps and number of batches. */
export function scaling(): void {
  againstBatch();
  againstWidth();
  againstSteps();
}

function randomImages(batch: number): tf.Tensor4D {
  return tf.randomUniform([batch, 32, 32, 3], 0, 1, 'float32', 0);
}

/** Forward pass and input gradient of a model that returns logits. */
function network(model: tf.LayersModel, images: tf.Tensor4D): void {
  tf.tidy(() => {
    const sum = (x: tf.Tensor) => tf.sum(model.apply(x) as tf.Tensor);
    tf.grad(sum)(images).dataSync();
  });
}

/** Forward pass, all weight gradients, Adam, statistics of batch normalization. */
function trainingStep(model: tf.LayersModel, images: tf.Tensor4D): () => void {
  const [batch] = images.shape;
  const classes = tf.tensor1d(
    Array.from({length: batch}, (_, i) => i % 10),
    'int32',
  );
  const labels = tf.oneHot(classes, 10);
  const optimizer = tf.train.adam(1e-3);
  return () =>
    tf.tidy(() => {
      const loss = () =>
        tf.losses.softmaxCrossEntropy(
          labels,
          model.apply(images, {training: true}) as tf.Tensor,
        ) as tf.Scalar;
      optimizer.minimize(loss, true)!.dataSync();
    });
}

/** Runs the workloads in turns and returns the fastest time of each, in milliseconds. */
function timeInTurns(
  workloads: Record<string, () => void>,
  seconds: number,
): [string, number][] {
  const clocks = Object.entries(workloads).map(([name, f]) => {
    f();
    f();
    return {name, f, best: Infinity, spent: 0, turns: 0};
  });
  while (clocks.some(c => c.turns < 3 || c.spent < seconds * 1000)) {
    for (const clock of clocks) {
      const started = performance.now();
      clock.f();
      const time = performance.now() - started;
      clock.best = Math.min(clock.best, time);
      clock.spent += time;
      clock.turns++;
    }
  }
  return clocks.map(({name, best}) => [name, best]);
}

function againstBatch(): void {
  const model = resnet32({seed: 1, output: 'logits'});
  const rows = [1, 2, 5, 10, 20, 50, 100, 200, 500].map(batch => {
    dropCaches();
    const images = randomImages(batch);
    const [[, forward], [, training]] = timeInTurns(
      {
        network: () => network(model, images),
        training: trainingStep(model, images),
      },
      1,
    );
    images.dispose();
    return [
      batch,
      forward.toFixed(1),
      (forward / batch).toFixed(2),
      training.toFixed(1),
      (training / batch).toFixed(2),
      resident(),
    ];
  });
  print(
    ['batch', 'network ms', 'an image', 'training ms', 'an image', 'MiB'],
    rows,
  );
}

function againstWidth(): void {
  const images = randomImages(10);
  const rows = [1, 2, 4].map(width => {
    dropCaches();
    const model = wideResnet(10, width, {seed: 1, output: 'logits'});
    const [[, forward], [, training]] = timeInTurns(
      {
        network: () => network(model, images),
        training: trainingStep(model, images),
      },
      1,
    );
    const parameters = model.countParams();
    return [
      `WRN-10-${width}`,
      parameters,
      forward.toFixed(1),
      training.toFixed(1),
      ((1e6 * forward) / parameters).toFixed(0),
      resident(),
    ];
  });
  print(
    [
      'width',
      'parameters',
      'network ms',
      'training ms',
      'network ns a parameter',
      'MiB',
    ],
    rows,
  );
}

function againstSteps(): void {
  const model = resnet32({seed: 1});
  const images = randomImages(10);
  const labels = tf.tensor1d([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 'int32');
  const craft = (steps: number) => {
    const found = attack('C+S+D', {steps, earlyStop: false}).perturb(
      model,
      images,
      labels,
    );
    found.margin.dataSync();
    tf.dispose(found as unknown as tf.TensorContainer);
  };
  dropCaches();
  print(
    ['steps of C+S+D', 'ms', 'a step'],
    [5, 10, 20, 40].map(steps => {
      // The first call compiles.
      craft(steps);
      const started = performance.now();
      craft(steps);
      const time = performance.now() - started;
      return [steps, time.toFixed(0), (time / steps).toFixed(1)];
    }),
  );
  const rows: (string | number)[][] = [];
  for (let i = 0; i <= 1000; i++) {
    if (i % 200 === 0) {
      const backend = tf.backend() as Partial<OnnxBackend>;
      const {cachedSessions, compilations, pending} = backend.stats?.() ?? {};
      rows.push([
        i,
        resident(),
        tf.memory().numTensors,
        cachedSessions ?? '–',
        compilations ?? '–',
        pending ?? '–',
      ]);
    }
    craft(1);
  }
  print(
    ['batches', 'MiB', 'tensors', 'sessions', 'compilations', 'pending'],
    rows,
  );
}

/** Frees the memory that the backend has kept from earlier rows. */
function dropCaches(): void {
  (tf.backend() as Partial<OnnxBackend>).configure?.({});
}

function resident(): string {
  return (process.memoryUsage.rss() / 2 ** 20).toFixed(0);
}

function print(head: string[], rows: (string | number)[][]): void {
  const table = new Table({head, style: {head: [], border: []}});
  table.push(...rows);
  console.log(table.toString());
}
