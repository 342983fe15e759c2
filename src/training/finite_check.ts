import * as tf from '@tensorflow/tfjs';
import {tidy} from '../ops/tidy.js';
import {optimizerMoments, optimizerProducts} from '../tfjs/optimizer_fields.js';
import {Snapshot} from '../tfjs/snapshot.js';
import type {TrainableModel} from '../tfjs/train_function.js';

/** Ends a fit in which a loss, a gradient or a weight is NaN or infinite. */
export class NonFiniteError extends Error {
  /** For code that cannot use `instanceof`. */
  override name = 'NonFiniteError';

  constructor(
    /** Such as `the loss became NaN`. */
    readonly fault: string,
    /** Such as `batch 3 of epoch 1`. */
    readonly place: string,
  ) {
    super(
      `Training stopped: ${fault} in ${place}; the model has the weights from before that batch. ` +
        "Lower the learning rate, or pass onNonFinite: 'skip' to leave such batches out.",
    );
  }
}

/**
 * Notices NaN and infinity in the batch where they arise, and takes that batch's
 * update back, bit for bit: weights, moving statistics and the optimizer's
 * moments. Costs one sum of each weight and one read.
 */
export class FiniteCheck {
  private last: tf.Scalar[] = [];
  private warned = false;

  constructor(private readonly policy: 'stop' | 'skip') {}

  /**
   * Runs an update, which gives the loss and metrics, kept.
   *
   * @param place Such as `batch 3 of epoch 1`.
   * @returns What it gave; of a batch that is skipped, what the last good one did.
   * @throws Error of one sentence, if the policy is `stop`.
   */
  run(
    model: TrainableModel,
    place: string,
    update: () => tf.Scalar[],
  ): {values: tf.Scalar[]; skipped: boolean} {
    const before = new Snapshot(model);
    try {
      const values = update();
      const fault = notFinite(model, values[0]);
      if (!fault) {
        if (this.policy === 'skip') this.remember(values);
        return {values, skipped: false};
      }
      before.restore();
      tf.dispose(values);
      if (this.policy === 'stop') {
        throw new NonFiniteError(fault, place);
      }
      if (!this.warned) {
        console.warn(
          `adversarialTraining: ${fault} in ${place}; its update is left out, as are further ones of the kind, whose share is logged as 'skipped'.`,
        );
      }
      this.warned = true;
      const instead = values.map((_, i) => this.last[i] ?? tf.scalar(0));
      return {
        values: instead.map(v => tf.keep(tf.clone(v)) as tf.Scalar),
        skipped: true,
      };
    } finally {
      before.dispose();
    }
  }

  /** Forgets the run; to be called before and after each. */
  dispose(): void {
    tf.dispose(this.last);
    this.last = [];
    this.warned = false;
  }

  private remember(values: tf.Scalar[]): void {
    tf.dispose(this.last);
    this.last = values.map(v => tf.keep(tf.clone(v)) as tf.Scalar);
  }
}

/** What is not finite after an update, for a sentence; null if all is. */
function notFinite(model: TrainableModel, loss: tf.Tensor): string | null {
  // A sum is finite where its terms are, and needs no further pass.
  const sums = tidy(() => {
    const weights = model.weights.map(w => sum(w.read()));
    return tf.stack([sum(loss), tf.addN(weights)]).dataSync();
  });
  if (!Number.isFinite(sums[0])) {
    return `the loss became ${Number.isNaN(sums[0]) ? 'NaN' : 'infinite'}`;
  }
  if (Number.isFinite(sums[1])) return null;
  const {optimizer} = model;
  const state = [
    ...optimizerMoments(optimizer).flatMap(m => m.map(e => e.variable)),
    ...optimizerProducts(optimizer),
  ];
  // Moments follow from gradients alone; an optimizer without has only weights to show.
  const gradients = state.length === 0 || state.some(v => !isFinite(v));
  const {name} = model.weights.find(w => !isFinite(w.read())) ?? {};
  return gradients
    ? `gradients were not finite (of ${name ?? 'the sum of weights'})`
    : `weights became NaN or infinite (${name ?? 'their sum'})`;
}

function sum(t: tf.Tensor): tf.Scalar {
  return tf.sum(tf.cast(t, 'float32')) as tf.Scalar;
}

function isFinite(t: tf.Tensor): boolean {
  return Number.isFinite(tidy(() => sum(t).dataSync()[0]));
}
