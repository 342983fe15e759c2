import * as tf from '@tensorflow/tfjs';
import {attack} from '../../src/attacks/attack.js';
import type {AttackOptions} from '../../src/attacks/options.js';
import {loadBackend} from '../../src/tfjs_node/load_backend.js';
import {usual} from './backends.js';
import type {ThreatModel} from '../../src/attacks/threat_models/threat_model.js';
import {
  CLASSES,
  toyImages,
  type ToyOptions,
  toyLayers,
  toyModel,
} from './toy.js';

// Before the first tensor is made, so that tfjs prints no advice.
await loadBackend(usual);

export const N = 12;
export const BATCH = 4;

/** Images, and as their class the channel that is the brightest on the whole. */
export const x = toyImages(N, {seed: 21});
export const classes = tf.tidy(() =>
  tf.argMax(tf.mean(x, [1, 2]), 1).toFloat(),
) as tf.Tensor1D;
export const y = tf.tidy(() =>
  tf.oneHot(classes.toInt(), CLASSES).toFloat(),
) as tf.Tensor2D;

export interface CompileOptions extends ToyOptions {
  optimizer?: () => string | tf.Optimizer;
  loss?: string | ((labels: tf.Tensor, output: tf.Tensor) => tf.Tensor);
  metrics?: Array<
    string | ((labels: tf.Tensor, output: tf.Tensor) => tf.Tensor)
  >;
  functional?: boolean;
}

/** A toy classifier that is always made with the same weights, ready to be trained. */
export function compiled({
  optimizer = () => tf.train.sgd(0.05),
  loss = 'categoricalCrossentropy',
  metrics = ['accuracy'],
  functional = false,
  ...options
}: CompileOptions = {}): tf.LayersModel {
  const model = functional ? functionalModel(options) : toyModel(options);
  model.compile({
    optimizer: optimizer(),
    loss: loss as string,
    metrics: metrics as string[],
  });
  return model;
}

function functionalModel(options: ToyOptions): tf.LayersModel {
  const [first, ...rest] = toyLayers(options);
  const inputs = tf.input({
    shape: (first.getConfig().batchInputShape as number[]).slice(1),
  });
  let outputs = first.apply(inputs) as tf.SymbolicTensor;
  for (const layer of rest) outputs = layer.apply(outputs) as tf.SymbolicTensor;
  return tf.model({inputs, outputs});
}

export function weightsOf(model: tf.LayersModel): number[][] {
  return model.getWeights().map(w => [...w.dataSync()]);
}

/** The largest difference between two models' weights. */
export function weightDifference(a: tf.LayersModel, b: tf.LayersModel): number {
  const [left, right] = [weightsOf(a), weightsOf(b)];
  let worst = 0;
  left.forEach((w, i) =>
    w.forEach((v, k) => (worst = Math.max(worst, Math.abs(v - right[i][k])))),
  );
  return worst;
}

export const FIT = {batchSize: BATCH, shuffle: false, verbose: 0} as const;

/** The batches of an epoch of `fit` with {@link FIT}. */
export function batchesOf(labels: tf.Tensor): Array<[tf.Tensor4D, tf.Tensor]> {
  return Array.from({length: N / BATCH}, (_, i) => [
    tf.slice(x, [i * BATCH, 0, 0, 0], [BATCH, -1, -1, -1]),
    tf.slice(labels, i * BATCH, BATCH),
  ]);
}

/** Adversarial training as one would write it without the callback. */
export async function trainByHand(
  model: tf.LayersModel,
  labels: tf.Tensor,
  threatModel: string | ThreatModel,
  options: AttackOptions,
  {epochs = 1, mix = 'adversarial', every = 1} = {},
): Promise<void> {
  const {perturb} = attack(threatModel, options);
  let batch = 0;
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const [images, own] of batchesOf(labels)) {
      if (batch++ % every !== 0) {
        await model.trainOnBatch(images, own);
        continue;
      }
      const {adversarial} = perturb(model, images, own as tf.Tensor2D);
      await (mix === 'both'
        ? model.trainOnBatch(
            tf.concat([images, adversarial]),
            tf.concat([own, own]),
          )
        : model.trainOnBatch(adversarial, own));
    }
  }
}

/** A dataset of the same batches. */
export function dataset(
  labels: tf.Tensor = y,
): tf.data.Dataset<tf.TensorContainer> {
  const xs = tf.data.array(tf.unstack(x) as unknown as tf.TensorContainer[]);
  const ys = tf.data.array(
    tf.unstack(labels) as unknown as tf.TensorContainer[],
  );
  return tf.data.zip({xs, ys}).batch(BATCH);
}
