import * as tf from '@tensorflow/tfjs';
import {checkWeights} from './check_weights.js';
import type {TrainingObjective} from './objective.js';

/** Options of {@link logitPairing}. */
export interface LogitPairingArgs {
  /** Weight of the distance between logits. Default 0.5. */
  weight?: number;
  /** Weight of the loss on clean images. Default 1. */
  clean?: number;
}

/**
 * Adversarial logit pairing: the model's loss on adversarial and on clean images,
 * and the squared distance of their logits z,
 *
 *   mean over the batch of  loss(f(x′), y) + clean · loss(f(x), y) + weight · ‖z(x) − z(x′)‖².
 *
 * x′ is crafted as for the model's loss alone, by any attack.
 *
 * ```js
 * adversarialTraining({attack: 'D', crafting: 'fast', objective: logitPairing()})
 * ```
 *
 * Source: Kannan et al. 2018, "Adversarial Logit Pairing", section 3.
 *
 * @throws Error if an option is not a number of at least 0.
 */
export function logitPairing({
  weight = 0.5,
  clean = 1,
}: LogitPairingArgs = {}): TrainingObjective {
  checkWeights('logitPairing', {weight, clean});
  return {
    name: `logit pairing(${weight})`,
    attackOptions: () => ({}),
    compute: ({images, adversarial, labels, sampleWeights, forward, loss}) => {
      const natural = forward(images);
      const attacked = forward(adversarial);
      const apart = tf.sub(natural.logits, attacked.logits);
      const distance = tf.sum(tf.square(apart), 1);
      let each = tf.add(
        tf.reshape(loss(labels, attacked.output), distance.shape),
        tf.mul(distance, weight),
      );
      const ofClean = tf.reshape(loss(labels, natural.output), distance.shape);
      each = tf.add(each, tf.mul(ofClean, clean));
      if (sampleWeights) each = tf.mul(each, sampleWeights);
      return {loss: tf.mean(each), output: attacked.output};
    },
  };
}
