import * as tf from '@tensorflow/tfjs';

/**
 * f6, the margin by which the label wins: its logit less the largest other one.
 * Positive while the classifier chooses the label.
 *
 * Source: Carlini & Wagner 2017, f₆.
 *
 * @param logits [N, classes]
 * @param labels One-hot, [N, classes]
 * @returns [N]
 */
export function margin(logits: tf.Tensor2D, labels: tf.Tensor2D): tf.Tensor1D {
  return tf.tidy(() => {
    const chosen = tf.sum(tf.mul(logits, labels), 1);
    // The label itself is pushed far below every logit.
    const others = tf.max(tf.sub(logits, tf.mul(labels, 1e9)), 1);
    return tf.sub(chosen, others) as tf.Tensor1D;
  });
}

/** Σ p (log p − log q) of the softmaxes of two sets of logits [N, classes]: [N]. */
export function klDivergence(
  logitsP: tf.Tensor2D,
  logitsQ: tf.Tensor2D,
): tf.Tensor1D {
  return tf.tidy(() => {
    const logP = tf.logSoftmax(logitsP);
    const logQ = tf.logSoftmax(logitsQ);
    return tf.sum(tf.mul(tf.exp(logP), tf.sub(logP, logQ)), 1) as tf.Tensor1D;
  });
}

/** What an attack minimizes; see {@link AttackOptions.loss}. */
export type LossName = 'margin' | 'crossEntropy' | 'kl';

export interface LossArgs {
  /** Logits of the perturbed images, [N, classes]. */
  logits: tf.Tensor2D;
  /** One-hot: the true classes, or the wanted ones if `targeted`. */
  labels: tf.Tensor2D;
  /** Logits of the clean images; `kl` compares with these. */
  cleanLogits: tf.Tensor2D | null;
  targeted: boolean;
  /** `margin` is clamped once the attack has won by this much. */
  confidence: number;
}

/** What an attack minimizes, for each example: [N]. */
export type Loss = (args: LossArgs) => tf.Tensor1D;

/** The margin, negated if targeted, never below −confidence. */
const marginLoss: Loss = ({logits, labels, targeted, confidence}) => {
  const m = margin(logits, labels);
  const towards = targeted ? tf.neg(m) : m;
  return (
    confidence === Infinity ? towards : tf.maximum(towards, -confidence)
  ) as tf.Tensor1D;
};

/** Madry et al. 2018: the log-probability of the true class, or that of the target negated. */
const crossEntropy: Loss = ({logits, labels, targeted}) => {
  const logProbability = tf.sum(tf.mul(tf.logSoftmax(logits), labels), 1);
  return (targeted ? tf.neg(logProbability) : logProbability) as tf.Tensor1D;
};

/** Zhang et al. 2019 (TRADES): away from the clean prediction, whatever the label. */
const kl: Loss = ({logits, cleanLogits}) =>
  tf.neg(klDivergence(cleanLogits!, logits));

export const losses: Record<LossName, Loss> = {
  margin: marginLoss,
  crossEntropy,
  kl,
};
