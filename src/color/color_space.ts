import type * as tf from '@tensorflow/tfjs';

/**
 * A colour space: a pair of maps between RGB and the space's own channels.
 *
 * Both maps act on the last axis, of size 3, and leave the others alone. RGB is
 * in [0, 1]. The space's channels are scaled so that ordinary colours fall in
 * [0, 1] too; saturated ones may lie outside (pure red has u = 1.37 in
 * CIELUV). `toRgb` clips its result to [0, 1].
 */
export interface ColorSpace {
  /** As it is named in {@link colorSpaces}. */
  readonly name: string;
  /** RGB in [0, 1] to this space, whatever the shape before the last axis. */
  fromRgb<T extends tf.Tensor>(rgb: T): T;
  /** The inverse of {@link fromRgb}, clipped to [0, 1]. */
  toRgb<T extends tf.Tensor>(color: T): T;
  /**
   * The colour in coordinates in which the RGB gamut is the cube [0, 1]³ and
   * which {@link fromCube} turns into RGB channel by channel. Not clipped: this
   * is where an attack sees how far outside the gamut a colour lies.
   */
  toCube<T extends tf.Tensor>(color: T): T;
  /** RGB at a point of the cube. */
  fromCube<T extends tf.Tensor>(cube: T): T;
  /** The inverse of {@link toCube}: the colour at a point of the cube. */
  ofCube<T extends tf.Tensor>(cube: T): T;
}
