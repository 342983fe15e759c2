import * as tf from '@tensorflow/tfjs';
import {logits, outputOfLogits} from '../models/logits.js';
import type {TrainingObjective} from '../defenses/objective.js';
import type {TrainableModel} from '../tfjs/train_function.js';

export interface Batch {
  images: tf.Tensor4D;
  labels: tf.Tensor;
  sampleWeights: tf.Tensor1D | null;
}

/**
 * One update of a model's weights by an objective of its own: what tfjs's train
 * function does, with the objective in the loss's place. Gives the loss and the
 * compiled metrics, kept, in the order of `metricsNames`.
 */
export function objectiveStep(
  model: TrainableModel,
  objective: TrainingObjective,
  {images, labels, sampleWeights}: Batch,
  adversarial: tf.Tensor4D,
): tf.Scalar[] {
  const layers = model as unknown as tf.LayersModel;
  const metrics: tf.Scalar[] = [];
  const total = () => {
    const {loss, output} = objective.compute({
      images,
      adversarial,
      labels,
      sampleWeights,
      forward: x => {
        const z = logits(layers, x, {training: true});
        return {logits: z, output: outputOfLogits(layers, z)};
      },
      loss: (labels, output) => model.lossFunctions[0](labels, output),
    });
    for (const [metric] of model.metricsTensors) {
      metrics.push(tf.keep(tf.mean(metric(labels, output))));
    }
    return model
      .calculateLosses()
      .reduce((sum, loss) => tf.add(sum, loss), loss);
  };
  const weights = model.collectedTrainableWeights.map(w => w.read());
  try {
    return tf.tidy(() => {
      const loss = model.optimizer.minimize(total, true, weights)!;
      return [tf.keep(loss), ...metrics];
    });
  } catch (error) {
    tf.dispose(metrics);
    throw error;
  }
}
