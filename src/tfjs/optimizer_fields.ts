import type * as tf from '@tensorflow/tfjs';

/**
 * What tfjs's optimizers keep private. To check for a new tfjs: `learningRate`
 * and `setLearningRate` of `sgd` and `momentum`, `learningRate` of the others;
 * moments are lists of `{originalName, variable}`, made at the first update and
 * made anew where a list is empty; running products are fields of their own.
 */
interface Fields {
  learningRate?: number;
  setLearningRate?: (rate: number) => void;
}

/** An entry of one of an optimizer's lists of moments. */
interface Moment {
  originalName: string;
  variable: tf.Variable;
}

/** @throws Error if the optimizer has no learning rate. */
export function setLearningRate(optimizer: tf.Optimizer, rate: number): void {
  // sgd and momentum hold the rate as a tensor too.
  const fields = optimizer as unknown as Fields;
  if (typeof fields.setLearningRate === 'function') {
    fields.setLearningRate(rate);
  } else if (typeof fields.learningRate === 'number') {
    fields.learningRate = rate;
  } else {
    throw new Error(
      `The optimizer ${optimizer.getClassName()} has no learning rate that can be set.`,
    );
  }
}

/** Running products, such as those of Adam. */
export function optimizerProducts(optimizer: tf.Optimizer): tf.Variable[] {
  return Object.values(optimizer).filter(isVariable);
}

/** Lists of moments; one that is emptied is made anew by the next update. */
export function optimizerMoments(optimizer: tf.Optimizer): Moment[][] {
  return Object.values(optimizer).filter(
    (value): value is Moment[] =>
      Array.isArray(value) && value.every(entry => isVariable(entry?.variable)),
  );
}

/** Without tfjs's class, so that a variable of another copy is one too. */
function isVariable(x: unknown): x is tf.Variable {
  return typeof (x as tf.Variable | null)?.assign === 'function';
}
