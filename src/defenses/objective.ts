import type * as tf from '@tensorflow/tfjs';
import type {AttackOptions} from '../attacks/options.js';
import type {ThreatModel} from '../attacks/threat_models/threat_model.js';

/** What a training objective may use. Everything runs on the gradient tape. */
export interface ObjectiveArgs {
  /** The clean batch, [N, H, W, C]. */
  images: tf.Tensor4D;
  /** Its adversarial counterpart. */
  adversarial: tf.Tensor4D;
  /** As they were given to `fit`, or smoothed. */
  labels: tf.Tensor;
  /** Of each example, from class weights, [N]; null where there are none. */
  sampleWeights: tf.Tensor1D | null;
  /**
   * A forward pass in training mode: the logits, and the model's own output,
   * which its compiled loss and metrics take. Each call updates batch
   * normalization's moving statistics.
   */
  forward(images: tf.Tensor4D): {logits: tf.Tensor2D; output: tf.Tensor};
  /** The model's compiled loss, [N]. */
  loss(labels: tf.Tensor, output: tf.Tensor): tf.Tensor;
}

/**
 * A training objective in place of the model's loss on adversarial examples.
 * Regularization losses of the model's layers are added to it.
 */
export interface TrainingObjective {
  /** As it is shown in logs. */
  readonly name: string;
  /** False if it does not use the model's loss, on which labels are smoothed. Default true. */
  readonly usesLoss?: boolean;
  /** How adversarial examples for it are crafted, unless the user says otherwise. */
  attackOptions(threatModel: ThreatModel): AttackOptions;
  /** The loss, a scalar, and the output that the model's metrics are taken on. */
  compute(args: ObjectiveArgs): {loss: tf.Scalar; output: tf.Tensor};
}
