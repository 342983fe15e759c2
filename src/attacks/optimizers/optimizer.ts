import type * as tf from '@tensorflow/tfjs';

/** The norm that a bound limits: it decides what the steepest direction is. */
export type Norm = 'linf' | 'l2';

/** Where a search stands at one step. Every tensor has one entry per example along its first axis. */
export interface UpdateArgs {
  /** The perturbation's parameters, inside their bounds. */
  parameters: tf.Tensor[];
  /** The gradient of the sum of `losses` with respect to each of `parameters`; of a threat model that has them, its {@link ThreatModel.searchGradients}. Empty for an optimizer that has `gradients: false`. */
  gradients: tf.Tensor[];
  /** What the search minimizes, at `parameters`: [N]. */
  losses: tf.Tensor1D;
  /** What the step before returned, or what `init` returned. */
  state: tf.Tensor[];
  /** Counted from 1: one number for all examples, or each one's own. */
  step: number | number[];
  /** How many steps each search has. */
  steps: number;
  /** The bound of each of `parameters`, a measure for the length of a step. */
  bounds: readonly number[];
  /** The norm of each of `bounds`. */
  norms: readonly Norm[];
  /** The clean images. */
  images: tf.Tensor4D;
  /** The allowed parameters nearest to the given ones. */
  project(parameters: tf.Tensor[]): tf.Tensor[];
}

/** What {@link AttackOptimizer.update} returns. */
export interface OptimizerStep {
  /** Where the step leads; they are projected afterwards. */
  parameters: tf.Tensor[];
  /** The state before the next step. */
  state: tf.Tensor[];
}

/**
 * A rule of descent: an `init`/`update` pair. Unlike tfjs's training optimizers
 * it keeps its state in plain tensors with one entry per example along their
 * first axis, so that examples can leave a batch and others can join it.
 *
 * Both functions run inside `tf.tidy`. What they return may hold new tensors or
 * the given ones. Parameters are projected after each update.
 */
export interface AttackOptimizer {
  /** False for a search that needs only the losses; the backward pass is then left out. Default true. */
  gradients?: boolean;
  /**
   * The state before the first step.
   *
   * @param parameters Where the search starts.
   * @param seeds For each example a whole number below 2²⁴ to draw random
   *     numbers from. It depends on the image and on the option `seed` alone,
   *     not on the batch. Only for an optimizer that has `random: true`.
   */
  init(parameters: tf.Tensor[], seeds: number[]): tf.Tensor[];
  /** One step. */
  update(args: UpdateArgs): OptimizerStep;
  /** Whether it draws random numbers. Default false. */
  random?: boolean;
}
