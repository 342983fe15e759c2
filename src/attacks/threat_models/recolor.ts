import * as tf from '@tensorflow/tfjs';
import {fromPlanes} from '../../color/color_space.js';
import {colorSpaces, type ColorSpaceName} from '../../color/color_spaces.js';
import type {Lattice, Resolution} from '../../color/lattice.js';
import {smoothNoisePerSeed} from '../../ops/smooth_noise.js';
import {checkEpsilon, formatEpsilon} from './epsilon.js';
import {paperRule} from './recolor_paper.js';
import {referenceRule} from './recolor_reference.js';
import {cutToBounds, type RecolorRule} from './recolor_rule.js';
import {
  checkSmooth,
  DEFAULT_EPSILON,
  noiseSpacing,
  scaledSmooth,
  termName,
} from './smooth.js';
import {largestDifference, projectSmooth} from './smooth_bound.js';
import {alternating} from './smooth_gradient.js';
import {smoothness} from './smoothness.js';
import {largestMagnitude, ThreatModel, type Variant} from './threat_model.js';

/** Options of {@link ReColor}. */
export interface ReColorArgs {
  /** Default `luv`. */
  space?: ColorSpaceName;
  /**
   * Bound on the displacement of each channel of the color space (in which
   * ordinary colors span [0, 1]), or one bound per channel. Default 0.06.
   */
  epsilon?: number | readonly [number, number, number];
  /**
   * Bound on the Euclidean norm of the difference of the displacements of
   * neighboring lattice points, ‖d_j − d_k‖₂ ≤ smooth, at least 0. Default
   * Infinity: none.
   */
  smooth?: number;
  /** Points of the lattice along each channel, at least 2. Default [16, 32, 32]. */
  resolution?: Resolution;
  /** `paper` (the default) or `reference`: see {@link Variant}. */
  variant?: Variant;
}

/** Rounds over all pairs of neighbors in a projection. */
const SWEEPS = 2;
const SPEC_NAMES: Record<ColorSpaceName, string> = {
  luv: 'C',
  rgb: 'C-RGB',
  ypbpr: 'C-YPbPr',
  hsv: 'C-HSV',
};

/**
 * Functional perturbations of color, C (ReColorAdv): every pixel of an image
 * goes through one map of colors, given by its values on a lattice and by
 * trilinear interpolation between them.
 *
 * In the `paper` variant, f(c) = c + the interpolated displacement, and no
 * pixel's color moves further than ε along any channel; where f(c) lies outside
 * the RGB gamut, it is brought back in without moving any channel further than
 * that. `smooth` also bounds how much the displacements of neighboring points of
 * the lattice differ: F_diff ∩ F_smooth of the paper. In the `reference` variant the lattice holds colors, which are projected
 * onto the gamut, as in the released code: there the zero perturbation moves
 * saturated colors, and pixels can move further than ε.
 *
 * Source: Laidlaw & Feizi 2019, sections 3 and 4.
 */
export class ReColor extends ThreatModel {
  /** The color space whose colors are mapped. */
  readonly space: ColorSpaceName;
  /** Bound of each channel of that space. */
  override readonly epsilon: readonly [number, number, number];
  /** Bound on the difference of neighboring lattice points; Infinity: none. */
  readonly smooth: number;
  /** Points of the lattice along each channel. */
  readonly resolution: Resolution;
  /** Which definition is followed. */
  readonly variant: Variant;
  private readonly rule: RecolorRule;

  constructor({
    space = 'luv',
    epsilon = DEFAULT_EPSILON.C,
    smooth = Infinity,
    resolution = [16, 32, 32],
    variant = 'paper',
  }: ReColorArgs = {}) {
    super();
    if (!Object.hasOwn(colorSpaces, space)) {
      throw new Error(
        `ReColor: space must be one of ${Object.keys(colorSpaces).join(', ')}, but is '${space}'.`,
      );
    }
    if (
      !Array.isArray(resolution) ||
      resolution.length !== 3 ||
      !resolution.every(r => Number.isInteger(r) && r >= 2)
    ) {
      throw new Error(
        `ReColor: resolution must be three whole numbers of at least 2, but is ${resolution}.`,
      );
    }
    const bounds = Array.isArray(epsilon)
      ? epsilon
      : [epsilon, epsilon, epsilon];
    if (bounds.length !== 3 || epsilon === null) {
      throw new Error(
        `ReColor: epsilon must be one number or three, but is ${epsilon}.`,
      );
    }
    this.space = space;
    this.epsilon = bounds.map(e =>
      checkEpsilon(`ReColor (${SPEC_NAMES[space]})`, e),
    ) as [number, number, number];
    this.smooth = checkSmooth(`ReColor (${SPEC_NAMES[space]})`, smooth);
    this.resolution = resolution;
    this.variant = variant;
    this.rule = (variant === 'reference' ? referenceRule : paperRule)(this);
  }

  get name(): string {
    const isDefault = this.epsilon.every(e => e === DEFAULT_EPSILON.C);
    return this.named(isDefault ? null : this.boundsText());
  }

  override fullName(): string {
    return this.named(this.boundsText());
  }

  private named(epsilon: string | null): string {
    return termName(SPEC_NAMES[this.space], epsilon, this.smooth);
  }

  private boundsText(): string {
    const [a, b, c] = this.epsilon;
    return a === b && b === c
      ? formatEpsilon(a)
      : this.epsilon.map(formatEpsilon).join(',');
  }

  override prepare(images: tf.Tensor4D): tf.Tensor[] {
    return tf.tidy(() => this.rule.prepare(images));
  }

  zeros(images: tf.Tensor4D): tf.Tensor[] {
    checkChannels(images);
    const shape = [images.shape[0], ...this.resolution];
    // Unlike tf.zeros, made where the attack runs: it is 10 MB for 50 images.
    return this.epsilon.map(() => tf.fill(shape, 0));
  }

  apply(
    images: tf.Tensor4D,
    parameters: tf.Tensor[],
    constants: tf.Tensor[] | null,
  ): tf.Tensor4D {
    return tf.tidy(() => {
      const lattice = parameters as Lattice;
      const recolored = this.rule.apply(images, lattice, constants);
      return tf.reshape(fromPlanes(recolored), images.shape);
    });
  }

  override project(lattice: tf.Tensor[]): tf.Tensor[] {
    const {smooth, epsilon, rule} = this;
    return tf.tidy(() => {
      const bounded = rule.project(lattice);
      if (smooth === Infinity) return bounded;
      return projectSmooth(bounded as Lattice, {
        smooth,
        epsilon: Math.max(...epsilon),
        clip: field => cutToBounds(field, epsilon) as Lattice,
        sweeps: SWEEPS,
      });
    });
  }

  override random(images: tf.Tensor4D, seeds: number[]): tf.Tensor[] {
    const {smooth, epsilon, resolution} = this;
    if (smooth === Infinity) return super.random(images, seeds);
    checkChannels(images);
    return tf.tidy(() => {
      const spacing = noiseSpacing(Math.max(...epsilon), smooth, 3);
      const noise = epsilon.map((bound, i) =>
        smoothNoisePerSeed(
          // Each channel draws its own numbers from the same seed.
          seeds.map(seed => seed + i * 104729),
          [...resolution],
          bound,
          spacing,
        ),
      );
      return this.project(noise);
    });
  }

  override searchGradients(
    gradients: tf.Tensor[],
    step: number | number[],
  ): tf.Tensor[] {
    return this.smooth === Infinity
      ? gradients
      : alternating(gradients as Lattice, step);
  }

  override smoothness(lattice: tf.Tensor[]): tf.Tensor1D {
    return smoothness(lattice as Lattice);
  }

  override neighborDifferences(
    lattice: tf.Tensor[],
  ): Record<string, tf.Tensor1D> {
    return {[SPEC_NAMES[this.space]]: largestDifference(lattice as Lattice)};
  }

  override sizes(lattice: tf.Tensor[]): Record<string, tf.Tensor1D> {
    return {[SPEC_NAMES[this.space]]: largestMagnitude(lattice)};
  }

  override with({
    scale = 1,
    variant = this.variant,
  }: {
    scale?: number;
    variant?: Variant;
  }): ReColor {
    const epsilon = this.epsilon.map(e => e * scale) as [
      number,
      number,
      number,
    ];
    const {space, resolution} = this;
    const smooth = scaledSmooth(this.smooth, scale);
    return new ReColor({space, epsilon, smooth, resolution, variant});
  }
}

function checkChannels(images: tf.Tensor4D) {
  if (images.shape[3] !== 3) {
    throw new Error(
      `ReColor (C) needs RGB images of shape [N, H, W, 3], but got [${images.shape}]. ` +
        'D and S work on any number of channels.',
    );
  }
}
