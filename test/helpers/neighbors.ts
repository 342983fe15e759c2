import * as tf from '@tensorflow/tfjs';
import type {ThreatModel} from '../../src/attacks/threat_models/threat_model.js';
import {logits} from '../../src/models/logits.js';
import {fastTerms} from '../../src/training/fast_terms.js';

/** The largest distance of neighbors' displacements after one step of a threat model of one term. */
export function neighborDifferences(
  threatModel: ThreatModel,
  images: tf.Tensor4D,
  {
    noise,
    step,
    spacing,
    seed,
    model,
    labels,
  }: {
    noise: number;
    step: number;
    spacing: number;
    seed: number;
    model: tf.LayersModel;
    labels: tf.Tensor2D;
  },
): number {
  const [term] = fastTerms(threatModel, spacing);
  const start = term.noise(images, noise, seed);
  const constants = threatModel.prepare(images);
  const gradients = tf.grads((...at) => {
    const moved = threatModel.apply(
      images,
      term.parameters(at, images),
      constants,
    );
    return tf.sum(tf.mul(tf.logSoftmax(logits(model, moved)), labels));
  })(start);
  const parameters = term.parameters(
    term.step(start, gradients, {step, flowStep: step}),
    images,
  );
  // [N, …points, components]
  const field =
    parameters.length > 1 ? tf.stack(parameters, -1) : parameters[0];
  const axes = field.rank - 2;
  return Math.max(
    ...Array.from({length: axes}, (_, i) => {
      const size = field.shape.map((n, k) => (k === i + 1 ? n - 1 : n));
      const from = field.shape.map((_, k) => (k === i + 1 ? 1 : 0));
      const apart = tf.sub(
        tf.slice(field, from, size),
        tf.slice(field, 0, size),
      );
      return tf.max(tf.norm(apart, 'euclidean', -1)).dataSync()[0];
    }),
  );
}
