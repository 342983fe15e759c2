/* eslint @typescript-eslint/no-unused-vars: ['error', {argsIgnorePattern: '^_'}] -- defaults ignore arguments that subclasses use */
import * as tf from '@tensorflow/tfjs';
import {uniformPerSeed} from '../../ops/seeded_noise.js';

/**
 * Which definition an attack follows: the `paper`'s, or what the authors'
 * released code (the `reference`) does. They differ for ReColor, where the
 * reference's recoloring is not the identity at zero, and in the rounding of
 * StAdv's sampling grid.
 */
export type Variant = 'paper' | 'reference';

/**
 * A threat model: what parameters a perturbation has, how they act on an image,
 * and how they are projected back into their bounds. It knows neither the
 * attack's loss nor its optimizer.
 *
 * A subclass needs a {@link name}, {@link zeros} and {@link apply}, and an
 * {@link epsilon}. Then every entry of its parameters is bounded by ε: this class
 * clips them, draws them uniformly, and measures them by their largest magnitude.
 * Other sets of parameters override {@link project}, {@link random},
 * {@link sizes} and {@link bounds}. Any object with these members is accepted,
 * whether or not it extends this class.
 *
 * Every tensor here has one entry per image along its first axis, and no image
 * depends on another's entry: examples leave and join batches. Images are
 * [N, H, W, C] in [0, 1].
 */
export abstract class ThreatModel {
  /** As a spec has it, with the bound in parentheses: `C+D(4/255)`. */
  abstract readonly name: string;

  /** The {@link name} with all bounds written out, defaults too: `C(0.06)+D(4/255)`. Default: the name. */
  fullName?(): string {
    return this.name;
  }

  /**
   * Bound on the magnitude of every entry of the parameters, or one bound for
   * each parameter tensor.
   */
  declare readonly epsilon?: number | readonly number[];

  /** Whether {@link project} depends on the images. Default: it does not. */
  declare readonly projectsByImages?: boolean;

  /** Parameters of the zero perturbation. */
  abstract zeros(images: tf.Tensor4D): tf.Tensor[];

  /**
   * The perturbed images, in [0, 1]; differentiable in `parameters` and `images`.
   *
   * @param constants What {@link prepare} returned for these images, or null
   *     where the images themselves depend on other parameters.
   */
  abstract apply(
    images: tf.Tensor4D,
    parameters: tf.Tensor[],
    constants: tf.Tensor[] | null,
  ): tf.Tensor4D;

  /**
   * Tensors that depend on the images alone and are worth computing once per
   * search. Default: none.
   */
  prepare(_images: tf.Tensor4D): tf.Tensor[] {
    return [];
  }

  /**
   * Random parameters inside the bounds, the i-th image's from `seeds[i]` alone.
   * Default: every entry uniform in [−ε, ε).
   */
  random(images: tf.Tensor4D, seeds: number[]): tf.Tensor[] {
    const bounds = this.bounds();
    return tf.tidy(() =>
      this.zeros(images).map(({shape}, i) =>
        uniformPerSeed(
          // Each tensor draws its own numbers from the same seed.
          seeds.map(seed => seed + i * 104729),
          shape.slice(1),
          bounds[i],
        ),
      ),
    );
  }

  /**
   * The allowed parameters nearest to `parameters`. Default: every entry clipped
   * to [−ε, ε].
   *
   * @param _images What {@link apply} gets.
   * @param _constants What {@link apply} gets.
   */
  project(
    parameters: tf.Tensor[],
    _images: tf.Tensor4D,
    _constants: tf.Tensor[] | null,
  ): tf.Tensor[] {
    const bounds = this.bounds();
    return parameters.map((p, i) => tf.clipByValue(p, -bounds[i], bounds[i]));
  }

  /**
   * What a search steps along in the place of the gradient, where the gradient
   * itself would lead far outside the bounds. Default: the gradient.
   *
   * @param _step Counted from 1: one number for all examples, or each one's own.
   */
  searchGradients?(
    gradients: tf.Tensor[],
    _step: number | number[],
  ): tf.Tensor[] {
    return gradients;
  }

  /**
   * How unsmooth the perturbation is, [N], which attacks minimize with the weight
   * `smoothnessWeight`. Default: null, for perturbations that need not be smooth.
   */
  smoothness(_parameters: tf.Tensor[]): tf.Tensor1D | null {
    return null;
  }

  /**
   * The size of each term's perturbation for each image, [N], in the units of its
   * bound. Default: the largest magnitude of all entries, by the name up to its
   * parenthesis.
   */
  sizes(parameters: tf.Tensor[]): Record<string, tf.Tensor1D> {
    const [term] = this.name.split('(');
    return {[term]: largestMagnitude(parameters)};
  }

  /**
   * Of terms whose displacements have neighbors, C and S: the largest Euclidean
   * norm of the difference of two neighbors for each image, [N], by the names of
   * {@link sizes}. Default: none.
   */
  neighborDifferences?(_parameters: tf.Tensor[]): Record<string, tf.Tensor1D> {
    return {};
  }

  /**
   * For each parameter tensor the bound by which the length of a step is
   * measured. Default: ε.
   */
  bounds(): number[] {
    const {epsilon} = this;
    if (epsilon === undefined) {
      throw new Error(
        `The threat model '${this.name}' needs an 'epsilon', or a method 'bounds'.`,
      );
    }
    return typeof epsilon === 'number' ? [epsilon] : [...epsilon];
  }

  /**
   * The norm that each of {@link bounds} limits: `linf`, of each entry by itself,
   * or `l2`, of all of an example's entries together. Optimizers step along the
   * sign of the gradient or along its direction accordingly. Default: `linf`.
   */
  norms?(): Array<'linf' | 'l2'> {
    return this.bounds().map(() => 'linf' as const);
  }

  /**
   * The same threat model with every bound multiplied by `scale`, or in another
   * variant. Default: a copy of this object with its ε multiplied.
   */
  with({scale = 1}: {scale?: number; variant?: Variant}): ThreatModel {
    const {epsilon} = this;
    const scaled =
      typeof epsilon === 'number'
        ? epsilon * scale
        : epsilon?.map(bound => bound * scale);
    const copy: ThreatModel = Object.create(Object.getPrototypeOf(this));
    return Object.assign(copy, this, {epsilon: scaled});
  }
}

/** The largest magnitude of all entries of each example: [N]. */
export function largestMagnitude(tensors: tf.Tensor[]): tf.Tensor1D {
  return tf.tidy(() => {
    const each = tensors.map(t =>
      tf.max(tf.abs(t), t.shape.map((_, axis) => axis).slice(1)),
    );
    return (
      each.length === 1 ? each[0] : tf.max(tf.stack(each), 0)
    ) as tf.Tensor1D;
  });
}

/** Whether this can be used as a threat model, as far as can be seen from outside. */
export function isThreatModel(x: unknown): x is ThreatModel {
  const methods = ['zeros', 'apply', 'project', 'bounds'] as const;
  return methods.every(
    name => typeof (x as ThreatModel | null)?.[name] === 'function',
  );
}

/** {@link ThreatModel.norms}, also of objects that are not of the class. */
export function normsOf(threatModel: ThreatModel): Array<'linf' | 'l2'> {
  return threatModel.norms?.() ?? threatModel.bounds().map(() => 'linf');
}

/** {@link ThreatModel.fullName}, also of objects that are not of the class. */
export function fullNameOf(threatModel: ThreatModel): string {
  return threatModel.fullName?.() ?? threatModel.name;
}
