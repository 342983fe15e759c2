import * as tf from '@tensorflow/tfjs';
import {type Planes, toPlanes} from '../../color/color_space.js';
import type {ColorSpaceName} from '../../color/color_spaces.js';
import {
  type Lattice,
  type LatticePositions,
  latticePositions,
  type Resolution,
} from '../../color/lattice.js';

/**
 * What a lattice of displacements does to the colors of images [N, H, W, 3], in
 * one variant of the definition. The caller tidies up.
 */
export interface RecolorRule {
  /** What depends on the images alone: beginning with corners and weights. */
  prepare(images: tf.Tensor4D): tf.Tensor[];
  /**
   * The images' colors, mapped.
   *
   * @param constants of {@link prepare}; null where the images are variable.
   */
  apply(
    images: tf.Tensor4D,
    lattice: Lattice,
    constants: tf.Tensor[] | null,
  ): Planes;
  /** The lattice, brought back to what is allowed. */
  project(lattice: tf.Tensor[]): tf.Tensor[];
}

/** What a rule is made for. */
export interface RecolorRuleArgs {
  space: ColorSpaceName;
  epsilon: readonly [number, number, number];
  resolution: Resolution;
}

/** [N, H, W, 3] → [N, 3, H W] */
export function pixels(images: tf.Tensor4D): Planes {
  const [n, height, width, channels] = images.shape;
  return toPlanes(tf.reshape(images, [n, height * width, channels]));
}

/** Positions in the lattice as the first two of the constants. */
export function fixPositions(
  colors: Planes,
  resolution: Resolution,
): tf.Tensor[] {
  const {corners, weights} = latticePositions(colors, resolution);
  return [corners, weights];
}

/** The inverse of {@link fixPositions}. */
export function fixedPositions(constants: tf.Tensor[]): LatticePositions {
  return {
    corners: constants[0] as tf.Tensor2D,
    weights: constants[1] as tf.Tensor3D,
  };
}

/** Displacements cut to their bounds. */
export function cutToBounds(
  lattice: tf.Tensor[],
  epsilon: readonly number[],
): tf.Tensor[] {
  return lattice.map((d, i) => tf.clipByValue(d, -epsilon[i], epsilon[i]));
}
