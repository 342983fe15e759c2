import * as tf from '@tensorflow/tfjs';
import {fromPlanes} from '../../color/color_space.js';
import {colorSpaces, type ColorSpaceName} from '../../color/color_spaces.js';
import type {Lattice, Resolution} from '../../color/lattice.js';
import {checkEpsilon, formatEpsilon} from './epsilon.js';
import {paperRule} from './recolor_paper.js';
import {referenceRule} from './recolor_reference.js';
import type {RecolorRule} from './recolor_rule.js';
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
  /** Points of the lattice along each channel, at least 2. Default [16, 32, 32]. */
  resolution?: Resolution;
  /** `paper` (the default) or `reference`: see {@link Variant}. */
  variant?: Variant;
}

const DEFAULT_EPSILON = 0.06;
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
 * that. In the `reference` variant the lattice holds colors, which are projected
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
  /** Points of the lattice along each channel. */
  readonly resolution: Resolution;
  /** Which definition is followed. */
  readonly variant: Variant;
  private readonly rule: RecolorRule;

  constructor({
    space = 'luv',
    epsilon = DEFAULT_EPSILON,
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
    this.resolution = resolution;
    this.variant = variant;
    this.rule = (variant === 'reference' ? referenceRule : paperRule)(this);
  }

  get name(): string {
    const [a, b, c] = this.epsilon;
    const spec = SPEC_NAMES[this.space];
    if (a !== b || b !== c) {
      return `${spec}(${this.epsilon.map(formatEpsilon).join(',')})`;
    }
    return a === DEFAULT_EPSILON ? spec : `${spec}(${formatEpsilon(a)})`;
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
    return tf.tidy(() => this.rule.project(lattice));
  }

  override smoothness(lattice: tf.Tensor[]): tf.Tensor1D {
    return smoothness(lattice as Lattice);
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
    return new ReColor({space, epsilon, resolution, variant});
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
