import * as tf from '@tensorflow/tfjs';
import {optimizerMoments, optimizerProducts} from './optimizer_fields.js';
import type {TrainableModel} from './train_function.js';

/**
 * The weights of a model and the moments of its optimizer at one moment. Taking
 * it copies no data: tensors are immutable, so that it shares the memory of each
 * variable until that variable is assigned.
 */
export class Snapshot {
  private readonly weights: tf.Tensor[];
  private readonly products: tf.Tensor[];
  private readonly moments: tf.Tensor[][];

  constructor(private readonly model: SnapshotModel) {
    const {optimizer} = model;
    const keep = (t: tf.Tensor) => tf.keep(tf.clone(t));
    this.weights = variables(model).map(keep);
    this.products = optimizerProducts(optimizer).map(keep);
    this.moments = optimizerMoments(optimizer).map(list =>
      list.map(({variable}) => keep(variable)),
    );
  }

  /** Puts model and optimizer back, bit for bit; the count of updates goes on. */
  restore(): void {
    const {optimizer} = this.model;
    this.restoreWeights();
    optimizerProducts(optimizer).forEach((v, i) => v.assign(this.products[i]));
    optimizerMoments(optimizer).forEach((list, k) => {
      const saved = this.moments[k] ?? [];
      // Moments that were made since would start from what they have seen.
      const made = list.splice(saved.length);
      made.forEach(({variable}) => variable.dispose());
      list.forEach(({variable}, i) => variable.assign(saved[i]));
    });
  }

  /** Puts the model's weights back. */
  restoreWeights(): void {
    variables(this.model).forEach((v, i) => v.assign(this.weights[i]));
  }

  dispose(): void {
    tf.dispose([this.weights, this.products, this.moments]);
  }
}

/** What a snapshot is taken of. */
export type SnapshotModel = Pick<TrainableModel, 'optimizer' | 'weights'>;

function variables({weights}: SnapshotModel): tf.Variable[] {
  return weights.map(weight => weight.read());
}
