import type * as tf from '@tensorflow/tfjs';

/**
 * Which definition an attack follows: the `paper`'s, or what the authors'
 * released code (the `reference`) does. They differ for ReColor, where the
 * reference's recoloring is not the identity at zero, and in the rounding of
 * StAdv's sampling grid.
 */
export type Variant = 'paper' | 'reference';

/**
 * An adversary's rules: what parameters a perturbation has, how they act on an
 * image, and how they are brought back to what is allowed. A rule knows neither
 * the adversary's aim (a loss) nor its search (an optimizer).
 *
 * Every tensor here has one entry per image along its first axis, and no image
 * depends on another's entry, so that entries can be taken out and put together
 * freely. Images are [N, H, W, C] in [0, 1].
 */
export interface ThreatModel {
  /** As it is written in a spec, for instance `C+D(4/255)`. */
  readonly name: string;

  /**
   * What is worth computing once per image and attack, where `images` will not
   * change from step to step.
   */
  prepare(images: tf.Tensor4D): tf.Tensor[];

  /** Parameters of the zero perturbation. */
  zeros(images: tf.Tensor4D): tf.Tensor[];

  /**
   * Parameters drawn at random from within the bounds, the i-th image's from
   * `seeds[i]` alone.
   */
  random(images: tf.Tensor4D, seeds: number[]): tf.Tensor[];

  /**
   * The perturbed images, in [0, 1]; differentiable in `parameters` and `images`.
   *
   * @param constants What {@link prepare} gave for these images, or null where
   *     the images themselves depend on other parameters.
   */
  apply(
    images: tf.Tensor4D,
    parameters: tf.Tensor[],
    constants: tf.Tensor[] | null,
  ): tf.Tensor4D;

  /**
   * The allowed parameters nearest to `parameters`. Most rules do not look at
   * the images, which are those that {@link apply} gets.
   */
  project(
    parameters: tf.Tensor[],
    images: tf.Tensor4D,
    constants: tf.Tensor[] | null,
  ): tf.Tensor[];

  /** Whether {@link project} looks at the images. */
  readonly projectsByImages?: boolean;

  /** How unsmooth the perturbation is, [N]; null for rules that do not ask. */
  smoothness(parameters: tf.Tensor[]): tf.Tensor1D | null;

  /**
   * The size of each term's perturbation, by the term's spec letter: for each
   * image, [N], in the units of its bound.
   */
  sizes(parameters: tf.Tensor[]): Record<string, tf.Tensor1D>;

  /** Bounds of each entry of `parameters`: what a step's length is measured by. */
  bounds(): number[];

  /**
   * The norm that each of {@link bounds} limits, which decides along which
   * direction optimizers step. Default `linf` for all.
   */
  norms?(): Array<'linf' | 'l2'>;

  /** The same rules with every bound multiplied by `factor`, or by another variant. */
  with(changes: {scale?: number; variant?: Variant}): ThreatModel;
}

/** Whether this can be used as a threat model, as far as can be seen from outside. */
export function isThreatModel(x: unknown): x is ThreatModel {
  const methods = ['zeros', 'apply', 'project', 'bounds'] as const;
  return methods.every(
    name => typeof (x as ThreatModel | null)?.[name] === 'function',
  );
}
