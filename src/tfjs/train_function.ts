import * as tf from '@tensorflow/tfjs';

/** Images, labels and, with class weights, sample weights (or null), of one batch. */
export type TrainData = (tf.Tensor | null | undefined)[];

/** One training step on a batch: gives the loss and the metrics, kept. */
export type TrainFunction = (data: TrainData) => tf.Scalar[];

/** A training step in place of tfjs's own, which is passed along. */
export type Trainer = (
  model: TrainableModel,
  data: TrainData,
  plain: TrainFunction,
) => tf.Scalar[];

/**
 * The parts of tfjs-layers' LayersModel that a training step needs and that its
 * types keep private. All are read afresh on every batch, as tfjs does.
 */
export interface TrainableModel {
  inputs: tf.SymbolicTensor[];
  outputs: tf.SymbolicTensor[];
  optimizer: tf.Optimizer;
  lossFunctions: Array<(labels: tf.Tensor, output: tf.Tensor) => tf.Tensor>;
  metricsTensors: Array<
    [(labels: tf.Tensor, output: tf.Tensor) => tf.Tensor, number]
  >;
  metricsNames: string[];
  collectedTrainableWeights: Array<{read(): tf.Variable}>;
  /** All weights, moving statistics included. */
  weights: Array<{name: string; read(): tf.Variable}>;
  calculateLosses(): tf.Scalar[];
  makeTrainFunction(): TrainFunction;
}

interface Slot {
  trainer: Trainer | null;
}

const SLOTS = Symbol.for('tfjs-adversarial.trainSlots');

/**
 * Lets callbacks replace the training step of a model that is about to be fitted.
 *
 * tfjs has no hook between a batch's arrival and its training step. But `fit`
 * and `fitDataset` make a train function and then, in the same tick, announce the
 * model to callbacks. So every train function made from now on looks into a slot
 * of its own for a trainer, and {@link setTrainer} fills the slot of the model's
 * latest one. A slot is forgotten along with its train function: there is nothing
 * to undo, even after an error, and plain fits find theirs empty.
 */
function install(): WeakMap<object, Slot> {
  const prototype = tf.LayersModel.prototype as unknown as TrainableModel & {
    [SLOTS]?: WeakMap<object, Slot>;
  };
  // Another copy of this package may have been here before.
  if (prototype[SLOTS]) return prototype[SLOTS];
  const slots = new WeakMap<object, Slot>();
  const original = prototype.makeTrainFunction;
  prototype.makeTrainFunction = function (this: TrainableModel) {
    const slot: Slot = {trainer: null};
    slots.set(this, slot);
    const plain = original.call(this);
    return data =>
      slot.trainer ? slot.trainer(this, data, plain) : plain(data);
  };
  Object.defineProperty(prototype, SLOTS, {value: slots});
  return slots;
}

const slots = install();

/**
 * Makes `trainer` the training step of the fit that is just beginning. To be
 * called from a callback's `setModel`.
 *
 * @throws Error if there is one already, or if the model is of another copy of
 *     tfjs.
 */
export function setTrainer(model: object, trainer: Trainer): void {
  const slot = slots.get(model);
  if (!slot) {
    throw new Error(
      'This model belongs to another copy of @tensorflow/tfjs than tfjs-adversarial uses. ' +
        'See `npm ls @tensorflow/tfjs`; there must be one version of it.',
    );
  }
  if (slot.trainer) {
    throw new Error(
      'There are two adversarialTraining callbacks in one fit. Use one, with the attacks combined, such as C+D.',
    );
  }
  slot.trainer = trainer;
}
