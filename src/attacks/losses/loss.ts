import * as tf from '@tensorflow/tfjs';

/** Losses with a name; see {@link AttackOptions.loss}. */
export type LossName = 'margin' | 'crossEntropy' | 'kl' | 'dlr';

/**
 * A custom loss: from the logits of the perturbed images [N, classes] and the
 * one-hot labels [N, classes] to one number per example [N], which the attack
 * minimizes. It runs on the gradient tape: use ops that have gradients.
 *
 * With `targeted: true`, the labels are the target classes.
 */
export type CustomLoss = (
  logits: tf.Tensor2D,
  labels: tf.Tensor2D,
) => tf.Tensor1D;

/** What a loss can look at. */
export interface LossArgs {
  /** Logits of the perturbed images, [N, classes]. */
  logits: tf.Tensor2D;
  /** One-hot: the true classes, or the target classes if `targeted`. */
  labels: tf.Tensor2D;
  /** Logits of the clean images; `kl` compares with these. */
  cleanLogits: tf.Tensor2D | null;
  targeted: boolean;
  /** `margin` is clamped once the attack has won by this much. */
  confidence: number;
  /**
   * One-hot, [N, classes]: a class that an untargeted search moves toward. It
   * still succeeds with any class that is not the label. Only `margin` and `dlr`
   * look at it.
   */
  targets?: tf.Tensor2D | null;
}

/** What an attack minimizes, for each example: [N]. */
export type Loss = (args: LossArgs) => tf.Tensor1D;

/** Checks what a custom loss returns. */
export function customLoss(loss: CustomLoss): Loss {
  return ({logits, labels}) => {
    const values: unknown = loss(logits, labels);
    const [n] = logits.shape;
    if (!(values instanceof tf.Tensor)) {
      throw new Error(
        `A custom loss must return a tensor of one number per example, [${n}], but returned ${values instanceof Promise ? 'a promise' : typeof values}.`,
      );
    }
    if (values.rank !== 1 || values.shape[0] !== n) {
      throw new Error(
        `A custom loss must return one number per example, [${n}], but returned the shape [${values.shape}].`,
      );
    }
    return values as tf.Tensor1D;
  };
}
