import * as tf from '@tensorflow/tfjs';
import {Delta} from '../attacks/threat_models/delta.js';
import {klDivergence} from '../attacks/losses.js';
import {deprecated} from '../ops/deprecated.js';
import {checkWeights} from './check_weights.js';
import type {TrainingObjective} from './objective.js';

/** Options of {@link trades}. */
export interface TradesArgs {
  /** Weight of robustness against accuracy, 1/λ in the paper. Default 6. */
  beta?: number;
  /** Standard deviation of the normal noise that crafting starts from. Default 0.001. */
  startStddev?: number;
  /** @deprecated The former name of `startStddev`, until version 0.3. */
  startDeviation?: number;
}

/**
 * TRADES: the model's loss on clean images, plus β times how far its predictions
 * move under attack,
 *
 *   mean over the batch of  loss(f(x), y) + β KL(f(x) ‖ f(x′)),
 *
 * f being the network's softmax. x′ is searched to move the prediction the
 * furthest, whatever the label, with the network in inference mode; by default
 * in steps along the gradient's sign, of 0.007 for D as in the paper's code. It
 * goes with any attack, not just D.
 *
 * ```js
 * adversarialTraining({attack: 'D(0.031)', objective: trades({beta: 6})})
 * ```
 *
 * Source: Zhang et al. 2019, equation 5 and algorithm 1.
 *
 * @throws Error if `beta` or `startStddev` is not a number of at least 0.
 */
export function trades({
  beta = 6,
  startDeviation,
  startStddev = startDeviation ?? 0.001,
}: TradesArgs = {}): TrainingObjective {
  if (startDeviation !== undefined) deprecated('startDeviation', 'startStddev');
  checkWeights('trades', {beta, startStddev});
  return {
    name: `TRADES(${beta})`,
    attackOptions: threatModel => ({
      loss: 'kl',
      optimizer: 'sign',
      ...(threatModel instanceof Delta &&
        threatModel.norm === 'linf' && {learningRate: 0.007}),
      randomStart: {stddev: startStddev},
      keep: 'last',
    }),
    compute: ({images, adversarial, labels, sampleWeights, forward, loss}) => {
      const clean = forward(images);
      const attacked = forward(adversarial);
      const natural = loss(labels, clean.output);
      const robust = klDivergence(clean.logits, attacked.logits);
      let each = tf.add(
        tf.reshape(natural, robust.shape),
        tf.mul(robust, beta),
      );
      if (sampleWeights) each = tf.mul(each, sampleWeights);
      return {loss: tf.mean(each), output: clean.output};
    },
  };
}
