import * as tf from '@tensorflow/tfjs';
import type {TrainingObjective} from '../defenses/objective.js';
import {logits, outputOfLogits} from '../models/logits.js';
import {freeingTape} from '../tfjs/abandoned_tape.js';
import type {TrainableModel} from '../tfjs/train_function.js';
import {perturbWeights} from './weight_perturbation.js';

export interface Batch {
  images: tf.Tensor4D;
  labels: tf.Tensor;
  sampleWeights: tf.Tensor1D | null;
}

/** The model's own loss, where the step is not tfjs's. */
export const ownLoss: TrainingObjective = {
  name: 'loss',
  attackOptions: () => ({}),
  compute: ({adversarial, labels, sampleWeights, forward, loss}) => {
    const {output} = forward(adversarial);
    const each = loss(labels, output);
    return {
      loss: tf.mean(sampleWeights ? tf.mul(each, sampleWeights) : each),
      output,
    };
  },
};

/**
 * One update of a model's weights by an objective of its own: what tfjs's train
 * function does, with the objective in the loss's place. Gives the loss and the
 * compiled metrics, kept, in the order of `metricsNames`.
 *
 * @param awp γ of adversarial weight perturbation; see {@link perturbWeights}.
 */
export function objectiveStep(
  model: TrainableModel,
  objective: TrainingObjective,
  {images, labels, sampleWeights}: Batch,
  adversarial: tf.Tensor4D,
  awp = 0,
): tf.Scalar[] {
  const layers = model as unknown as tf.LayersModel;
  const metrics: tf.Scalar[] = [];
  const compute = () =>
    objective.compute({
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
  const total = () => {
    const {loss, output} = compute();
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
      const restore = perturbWeights(model, awp, () => compute().loss);
      let step: ReturnType<typeof tf.variableGrads>;
      try {
        step = freeingTape(() => tf.variableGrads(total, weights));
      } finally {
        restore();
      }
      const {value, grads} = step;
      model.optimizer.applyGradients(
        weights.map(({name}) => ({name, tensor: grads[name]})),
      );
      return [tf.keep(value), ...metrics];
    });
  } catch (error) {
    tf.dispose(metrics);
    throw error;
  }
}
