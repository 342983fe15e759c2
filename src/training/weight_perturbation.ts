import * as tf from '@tensorflow/tfjs';
import {freeingTape} from '../tfjs/abandoned_tape.js';
import {Snapshot} from '../tfjs/snapshot.js';
import type {TrainableModel} from '../tfjs/train_function.js';

/** Below which a gradient has no direction. */
const SMALLEST = 1e-12;

/**
 * Adversarial weight perturbation: moves each kernel (each trainable weight of
 * more than one axis) along the gradient of the loss,
 *
 *   w ← w + γ ‖w‖ g/‖g‖,  g = ∂loss/∂w.
 *
 * Moving statistics stay as they are. To be called inside a tidy.
 *
 * Source: Wu et al. 2020, "Adversarial Weight Perturbation Helps Robust
 * Generalization", equations 7 and 10, with one step.
 *
 * @returns What puts the kernels back, bit for bit.
 */
export function perturbWeights(
  model: TrainableModel,
  gamma: number,
  loss: () => tf.Scalar,
): () => void {
  if (gamma === 0) return () => {};
  const kernels = model.collectedTrainableWeights
    .map(w => w.read())
    .filter(({rank}) => rank > 1);
  const saved = kernels.map(kernel => tf.clone(kernel as tf.Tensor));
  const restore = () => kernels.forEach((k, i) => k.assign(saved[i]));
  const before = new Snapshot(model);
  let grads: tf.NamedTensorMap;
  try {
    ({grads} = freeingTape(() => tf.variableGrads(loss, kernels)));
  } finally {
    before.restoreWeights();
    before.dispose();
  }
  try {
    for (const kernel of kernels) {
      const gradient = grads[kernel.name];
      if (!gradient) continue;
      const size = tf.mul(norm(kernel), gamma);
      const length = tf.maximum(norm(gradient), SMALLEST);
      kernel.assign(
        tf.add(kernel as tf.Tensor, tf.mul(gradient, tf.div(size, length))),
      );
    }
  } catch (error) {
    restore();
    throw error;
  }
  return restore;
}

function norm(t: tf.Tensor): tf.Tensor {
  return tf.sqrt(tf.sum(tf.square(t)));
}
