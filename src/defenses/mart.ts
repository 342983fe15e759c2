import * as tf from '@tensorflow/tfjs';
import {klDivergence} from '../attacks/losses.js';
import {checkWeights} from './check_weights.js';
import type {TrainingObjective} from './objective.js';

/** Options of {@link mart}. */
export interface MartArgs {
  /** Weight of the divergence, λ in the paper. Default 5. */
  beta?: number;
  /** Standard deviation of the normal noise that crafting starts from. Default 0.001. */
  startStddev?: number;
}

/**
 * MART, misclassification-aware adversarial training: with p the network's
 * softmax,
 *
 *   mean over the batch of  BCE(p(x′), y) + β KL(p(x) ‖ p(x′)) (1 − p_y(x)),
 *   BCE(p, y) = −log p_y − log(1 − max_{k≠y} p_k),
 *
 * so that what is misclassified without an attack counts for more. The model's
 * own loss is not used; its classes must exclude one another. Examples are
 * crafted against cross-entropy in steps along the gradient's sign.
 *
 * ```js
 * adversarialTraining({attack: 'D', objective: mart({beta: 5})})
 * ```
 *
 * Source: Wang et al. 2020, "Improving Adversarial Robustness Requires
 * Revisiting Misclassified Examples", equations 8 to 11.
 *
 * @throws Error if an option is not a number of at least 0.
 */
export function mart({
  beta = 5,
  startStddev = 0.001,
}: MartArgs = {}): TrainingObjective {
  checkWeights('mart', {beta, startStddev});
  return {
    name: `MART(${beta})`,
    usesLoss: false,
    attackOptions: () => ({
      loss: 'crossEntropy',
      optimizer: 'sign',
      randomStart: {stddev: startStddev},
      keep: 'last',
    }),
    compute: ({images, adversarial, labels: given, sampleWeights, forward}) => {
      const clean = forward(images);
      const attacked = forward(adversarial);
      const labels = oneHot(given, attacked.logits.shape[1]);
      const ofLabel = (t: tf.Tensor) => tf.sum(tf.mul(t, labels), 1);
      const missing = tf.sub(1, ofLabel(tf.softmax(clean.logits)));
      const divergence = klDivergence(clean.logits, attacked.logits);
      let each = tf.add(
        boosted(attacked.logits, labels),
        tf.mul(tf.mul(divergence, missing), beta),
      );
      if (sampleWeights) each = tf.mul(each, sampleWeights);
      return {loss: tf.mean(each), output: attacked.output};
    },
  };
}

/** Of class indices or rows of probabilities. */
function oneHot(labels: tf.Tensor, classes: number): tf.Tensor2D {
  const indices =
    labels.rank === 2 && labels.shape[1] === classes
      ? tf.argMax(labels, 1)
      : tf.cast(tf.reshape(labels, [-1]), 'int32');
  return tf.cast(tf.oneHot(indices, classes), 'float32') as tf.Tensor2D;
}

/**
 * BCE of the formula, [N]. 1 − p_k is the sum of the others' probabilities, whose
 * logarithm does not saturate.
 */
function boosted(logits: tf.Tensor2D, labels: tf.Tensor2D): tf.Tensor {
  const all = tf.logSumExp(logits, 1);
  const without = (classes: tf.Tensor) =>
    tf.where(tf.cast(classes, 'bool'), tf.fill(logits.shape, -1e30), logits);
  const wrong = tf.argMax(without(labels), 1) as tf.Tensor1D;
  const rival = tf.oneHot(wrong, logits.shape[1]);
  const others = tf.logSumExp(without(rival), 1);
  const ofLabel = tf.sum(tf.mul(logits, labels), 1);
  return tf.add(tf.sub(all, ofLabel), tf.sub(all, others));
}
