import {median} from 'simple-statistics';
import * as tf from '@tensorflow/tfjs';
import {attack} from '../../../src/index.js';
import {rateFor} from '../points.js';
import {loadEfficientNetLite0} from './weights.js';
import {loadPhotographs} from './photographs.js';

/** What an attack did to the photographs. */
export interface ImageNetAttack {
  attack: string;
  /** Class of each photograph before and after. */
  before: number[];
  after: number[];
  /** Logit of the class before minus the largest other: below 0 it is fooled. */
  margin: number[];
  /** Of an image and a step; `networkSeconds` for the network's gradient alone. */
  seconds: number;
  networkSeconds: number;
}

/** Attacks EfficientNet-Lite0 on photographs of 224×224; `images` are the caller's to dispose. */
export async function runImageNet(
  steps: number,
  seed: number,
): Promise<{
  results: ImageNetAttack[];
  images: tf.Tensor4D;
  adversarial: tf.Tensor4D[];
}> {
  const model = (await loadEfficientNetLite0())!;
  const images = (await loadPhotographs(224))!;
  const count = images.shape[0];
  const labels = tf.tidy(() => classes(model, images));
  const before = [...(await labels.data())];
  const results: ImageNetAttack[] = [];
  const adversarial: tf.Tensor4D[] = [];
  for (const spec of ['C', 'S', 'D', 'C+S+D']) {
    // Without early stopping each step is one of all images.
    const run = (n: number) =>
      attack(spec, {
        steps: n,
        seed,
        learningRate: rateFor(n),
        earlyStop: false,
      }).perturb(model, images, labels);
    tf.dispose(run(1) as unknown as tf.TensorContainer);
    const networkSeconds = await networkTime(model, images, labels);
    const start = performance.now();
    const found = run(steps);
    const margin = [...(await found.margin.data())];
    const seconds = (performance.now() - start) / 1000 / steps / count;
    const after = tf.tidy(() => [
      ...classes(model, found.adversarial).dataSync(),
    ]);
    results.push({
      attack: spec,
      ...{before, after, margin, seconds, networkSeconds},
    });
    adversarial.push(found.adversarial);
    tf.dispose([found.margin, found.success]);
  }
  tf.dispose(labels);
  model.dispose();
  return {results, images, adversarial};
}

const logitsOf = (model: tf.LayersModel, images: tf.Tensor4D) =>
  model.predictOnBatch(images) as tf.Tensor2D;

const classes = (model: tf.LayersModel, images: tf.Tensor4D) =>
  tf.argMax(logitsOf(model, images), 1) as tf.Tensor1D;

/** Seconds an image for the logits and their gradient, median of five. */
async function networkTime(
  model: tf.LayersModel,
  images: tf.Tensor4D,
  labels: tf.Tensor1D,
): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 6; i++) {
    const start = performance.now();
    const gradient = tf.tidy(() => {
      const wanted = tf.oneHot(labels, 1000);
      return tf.grad(x =>
        tf.sum(tf.mul(model.apply(x) as tf.Tensor2D, wanted)),
      )(images);
    });
    await gradient.data();
    gradient.dispose();
    times.push((performance.now() - start) / 1000 / images.shape[0]);
  }
  // The first compiles.
  return median(times.slice(1));
}

/** The results in words, a line an attack. */
export const imageNetTable = (results: ImageNetAttack[]) =>
  results
    .map(
      ({attack, before, after, margin, seconds, networkSeconds}) =>
        `${attack}: classes ${before.join(', ')} → ${after.join(', ')}, margins ${margin.map(m => m.toFixed(2)).join(', ')}; ${seconds.toFixed(3)} s per step and image, network and its gradient alone ${networkSeconds.toFixed(3)} s`,
    )
    .join('\n');
