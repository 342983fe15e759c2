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

  /** @param tensors What another snapshot of such a model gave, in place of what it is now. */
  constructor(
    private readonly model: SnapshotModel,
    tensors: SnapshotTensors = tensorsOf(model),
  ) {
    const keep = (t: tf.Tensor) => tf.keep(tf.clone(t));
    this.weights = tensors.weights.map(keep);
    this.products = tensors.products.map(keep);
    this.moments = tensors.moments.map(list => list.map(keep));
  }

  /** Copies, the caller's to dispose. */
  tensors(): SnapshotTensors {
    const copies = (list: tf.Tensor[]) => list.map(t => t.clone());
    return {
      weights: copies(this.weights),
      products: copies(this.products),
      moments: this.moments.map(copies),
    };
  }

  /** Whether another snapshot of the model has the very same weights. */
  sameWeights(other: Snapshot): boolean {
    return this.weights.every((w, i) => w.dataId === other.weights[i].dataId);
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

/** What a snapshot holds. */
export interface SnapshotTensors {
  /** All weights of the model. */
  weights: tf.Tensor[];
  /** Running products of the optimizer. */
  products: tf.Tensor[];
  /** Its lists of moments. */
  moments: tf.Tensor[][];
}

function tensorsOf(model: SnapshotModel): SnapshotTensors {
  const {optimizer} = model;
  return {
    weights: variables(model),
    products: optimizerProducts(optimizer),
    moments: optimizerMoments(optimizer).map(list =>
      list.map(({variable}) => variable),
    ),
  };
}

/** What a snapshot is taken of. */
export type SnapshotModel = Pick<TrainableModel, 'optimizer' | 'weights'>;

function variables({weights}: SnapshotModel): tf.Variable[] {
  return weights.map(weight => weight.read());
}
