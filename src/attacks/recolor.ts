import * as tf from '@tensorflow/tfjs';
import type {PlaneMaps, Planes} from '../color/color_space.js';
import {fromPlanes, toPlanes} from '../color/color_space.js';
import {colorSpaces, type ColorSpaceName} from '../color/color_spaces.js';
import {join, split} from '../color/channels.js';
import {withinGamut} from '../color/gamut.js';
import {hsvExact} from '../color/hsv.js';
import {
  identityLattice,
  type Lattice,
  type LatticePositions,
  latticePositions,
  type Resolution,
  sampleLattice,
  sampleLatticeAt,
} from '../color/lattice.js';
import {checkEpsilon, formatEpsilon} from './bounds.js';
import {uniformPerSeed} from './random_start.js';
import {smoothness} from './smoothness.js';
import type {ThreatModel, Variant} from './threat_model.js';

/** Options of {@link ReColor}. */
export interface ReColorArgs {
  /** Default `luv`. */
  space?: ColorSpaceName;
  /**
   * Bound on the displacement of each channel of the colour space (in which
   * ordinary colours span [0, 1]), or one bound per channel. Default 0.06.
   */
  epsilon?: number | readonly [number, number, number];
  /** Points of the lattice along each channel, at least 2. Default [16, 32, 32]. */
  resolution?: Resolution;
  /** `paper` (the default) or `reference`: see {@link Variant}. */
  variant?: Variant;
}

const DEFAULT_EPSILON = 0.06;
/**
 * The released code projects a lattice three times before each forward pass. The
 * number matters: its projection goes on moving what it has projected before.
 */
const REFERENCE_PROJECTIONS = 3;
const SPEC_NAMES: Record<ColorSpaceName, string> = {
  luv: 'C',
  rgb: 'C-RGB',
  ypbpr: 'C-YPbPr',
  hsv: 'C-HSV',
};

/**
 * Functional perturbations of colour, C (ReColorAdv): every pixel of an image
 * goes through one map of colours, given by its values on a lattice and by
 * trilinear interpolation between them.
 *
 * In the `paper` variant, f(c) = c + the interpolated displacement, and no
 * pixel's colour moves further than ε along any channel; where f(c) lies outside
 * the RGB gamut, it is brought back in without moving any channel further than
 * that. In the `reference` variant the lattice holds colours, which are projected
 * onto the gamut, as in the released code: there the zero perturbation moves
 * saturated colours, and pixels can move further than ε.
 *
 * Source: Laidlaw & Feizi 2019, sections 3 and 4.
 */
export class ReColor implements ThreatModel {
  /** The colour space whose colours are mapped. */
  readonly space: ColorSpaceName;
  /** Bound of each channel of that space. */
  readonly epsilon: readonly [number, number, number];
  /** Points of the lattice along each channel. */
  readonly resolution: Resolution;
  /** Which definition is followed. */
  readonly variant: Variant;
  private readonly colors: PlaneMaps;

  constructor({
    space = 'luv',
    epsilon = DEFAULT_EPSILON,
    resolution = [16, 32, 32],
    variant = 'paper',
  }: ReColorArgs = {}) {
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
    this.colors = (
      space === 'hsv' && variant === 'paper' ? hsvExact : colorSpaces[space]
    ).planes;
  }

  get name(): string {
    const [a, b, c] = this.epsilon;
    const spec = SPEC_NAMES[this.space];
    if (a !== b || b !== c) {
      return `${spec}(${this.epsilon.map(formatEpsilon).join(',')})`;
    }
    return a === DEFAULT_EPSILON ? spec : `${spec}(${formatEpsilon(a)})`;
  }

  prepare(images: tf.Tensor4D): tf.Tensor[] {
    return tf.tidy(() => {
      const colors = this.colors.fromRgb(pixels(images));
      const {corners, weights} = latticePositions(colors, this.resolution);
      if (this.variant === 'reference') return [corners, weights];
      const cube = this.colors.toCube(colors);
      return [corners, weights, colors, cube, this.roundTrip(cube)];
    });
  }

  zeros(images: tf.Tensor4D): tf.Tensor[] {
    checkChannels(images);
    const shape = [images.shape[0], ...this.resolution];
    // Unlike tf.zeros, made where the attack runs: it is 10 MB for 50 images.
    return this.epsilon.map(() => tf.fill(shape, 0));
  }

  random(images: tf.Tensor4D, seeds: number[]): tf.Tensor[] {
    checkChannels(images);
    return this.epsilon.map((bound, channel) =>
      uniformPerSeed(
        seeds.map(seed => seed + channel * 104729),
        [...this.resolution],
        bound,
      ),
    );
  }

  apply(
    images: tf.Tensor4D,
    parameters: tf.Tensor[],
    constants: tf.Tensor[] | null,
  ): tf.Tensor4D {
    const lattice = parameters as Lattice;
    return tf.tidy(() => {
      const recolored =
        this.variant === 'reference'
          ? this.applyReference(images, lattice, constants)
          : this.applyPaper(images, lattice, constants);
      return tf.reshape(fromPlanes(recolored), images.shape);
    });
  }

  private applyPaper(
    images: tf.Tensor4D,
    lattice: Lattice,
    constants: tf.Tensor[] | null,
  ): Planes {
    const rgb = pixels(images);
    let colors: Planes;
    let cube: Planes;
    let roundTrip: Planes;
    let displacement: Planes;
    if (constants) {
      colors = constants[2] as Planes;
      cube = constants[3] as Planes;
      roundTrip = constants[4] as Planes;
      displacement = sampleLattice(lattice, positions(constants));
    } else {
      colors = this.colors.fromRgb(rgb);
      cube = this.colors.toCube(colors);
      roundTrip = this.roundTrip(cube);
      displacement = sampleLatticeAt(lattice, colors, this.resolution);
    }
    const moved = withinGamut(
      this.colors.toCube(tf.add(colors, displacement)),
      cube,
      colors,
      this.colors,
      this.epsilon,
    );
    // The difference, and not the new colour itself, so that the way through the
    // colour space and back adds no rounding: zero displacement is the identity.
    const change = tf.sub(this.colors.fromCube(moved), roundTrip);
    return tf.clipByValue(tf.add(rgb, change), 0, 1) as Planes;
  }

  /** RGB by way of the colour space; rounding may have left the cube. */
  private roundTrip(cube: Planes): Planes {
    return this.colors.fromCube(tf.clipByValue(cube, 0, 1));
  }

  private applyReference(
    images: tf.Tensor4D,
    lattice: Lattice,
    constants: tf.Tensor[] | null,
  ): Planes {
    const identity = identityLattice(this.resolution);
    const absolute = lattice.map((d, i) => tf.add(d, identity[i])) as Lattice;
    const colors = constants
      ? sampleLattice(absolute, positions(constants))
      : sampleLatticeAt(
          absolute,
          this.colors.fromRgb(pixels(images)),
          this.resolution,
        );
    return this.colors.toRgb(colors);
  }

  project(lattice: tf.Tensor[]): tf.Tensor[] {
    return tf.tidy(() => {
      if (this.variant === 'paper') return this.bound(lattice);
      let projected = lattice;
      for (let i = 0; i < REFERENCE_PROJECTIONS; i++) {
        projected = this.bound(this.intoGamut(projected));
      }
      return projected;
    });
  }

  /** Displacements cut to their bounds. */
  private bound(lattice: tf.Tensor[]): tf.Tensor[] {
    return lattice.map((d, i) =>
      tf.clipByValue(d, -this.epsilon[i], this.epsilon[i]),
    );
  }

  /** Displacements to the colours that one gets by going to RGB and back. */
  private intoGamut(lattice: tf.Tensor[]): tf.Tensor[] {
    const identity = identityLattice(this.resolution);
    const channels = lattice.map((d, i) =>
      tf.clipByValue(tf.add(d, identity[i]), 0, 1),
    );
    const [n] = lattice[0].shape;
    const colors = join(channels.map(c => tf.reshape(c, [n, -1])));
    const {fromRgb, toRgb} = this.colors;
    return split(fromRgb(toRgb(colors))).map((c, i) =>
      tf.sub(tf.reshape(c, lattice[i].shape), identity[i]),
    );
  }

  smoothness(lattice: tf.Tensor[]): tf.Tensor1D {
    return smoothness(lattice as Lattice);
  }

  sizes(lattice: tf.Tensor[]): Record<string, tf.Tensor1D> {
    return {
      [SPEC_NAMES[this.space]]: tf.tidy(() => {
        const largest = lattice.map(d => tf.max(tf.abs(d), [1, 2, 3]));
        return tf.max(tf.stack(largest), 0) as tf.Tensor1D;
      }),
    };
  }

  bounds(): number[] {
    return [...this.epsilon];
  }

  with({
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

/** [N, H, W, 3] → [N, 3, H W] */
function pixels(images: tf.Tensor4D): Planes {
  const [n, height, width, channels] = images.shape;
  return toPlanes(tf.reshape(images, [n, height * width, channels]));
}

function positions(constants: tf.Tensor[]): LatticePositions {
  return {
    corners: constants[0] as tf.Tensor2D,
    weights: constants[1] as tf.Tensor3D,
  };
}
