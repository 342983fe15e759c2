import * as tf from '@tensorflow/tfjs';
import {IMAGE_SHAPE, logits} from './resnet.js';

/** The same random images on every backend. */
export function randomImages(batch: number): tf.Tensor4D {
  return tf.randomUniform([batch, ...IMAGE_SHAPE], 0, 1, 'float32', 0);
}

/** Forward pass and input gradient. */
export function network(model: tf.LayersModel, images: tf.Tensor4D): void {
  tf.tidy(() => {
    const sum = (x: tf.Tensor) => tf.sum(logits(model, x));
    tf.grad(sum)(images).dataSync();
  });
}

/** Forward pass, all weight gradients, Adam, statistics of batch normalization. */
export function trainingStep(
  model: tf.LayersModel,
  images: tf.Tensor4D,
): () => void {
  const [batch] = images.shape;
  const classes = Array.from({length: batch}, (_, i) => i % 10);
  const labels = tf.oneHot(tf.tensor1d(classes, 'int32'), 10);
  const optimizer = tf.train.adam(1e-3);
  return () =>
    tf.tidy(() => {
      const loss = () =>
        tf.losses.softmaxCrossEntropy(
          labels,
          logits(model, images, true),
        ) as tf.Scalar;
      optimizer.minimize(loss, true)!.dataSync();
    });
}

/**
 * Runs the workloads in turns, so that a change in the machine's speed affects all
 * of them, and returns the fastest time of each in milliseconds.
 *
 * @param seconds at least this long for each workload, after two runs to warm up
 */
export function timeInTurns(
  workloads: Record<string, () => void>,
  seconds: number,
): Record<string, number> {
  const clocks = Object.entries(workloads).map(([name, run]) => {
    run();
    run();
    return {name, run, best: Infinity, spent: 0, turns: 0};
  });
  while (clocks.some(c => c.turns < 3 || c.spent < seconds * 1000)) {
    for (const clock of clocks) {
      const started = performance.now();
      clock.run();
      const time = performance.now() - started;
      clock.best = Math.min(clock.best, time);
      clock.spent += time;
      clock.turns++;
    }
  }
  return Object.fromEntries(clocks.map(({name, best}) => [name, best]));
}
