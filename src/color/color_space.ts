import * as tf from '@tensorflow/tfjs';

/**
 * A color space: a pair of maps between RGB and the space's own channels.
 *
 * Both maps act on the last axis, of size 3, and leave the others alone. RGB is
 * in [0, 1]. The space's channels are scaled so that ordinary colors fall in
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
   * The same and more on planes, as attacks use them.
   *
   * @internal
   */
  readonly planes: PlaneMaps;
}

/**
 * Colors as three planes, [N, 3, P]: a channel's numbers lie side by side, which
 * makes picking, stacking and broadcasting them several times faster than with
 * the channel as last axis.
 */
export type Planes = tf.Tensor3D;

/** A color space's maps, on {@link Planes}. */
export interface PlaneMaps {
  /** @see ColorSpace.fromRgb */
  fromRgb(rgb: Planes): Planes;
  /** @see ColorSpace.toRgb */
  toRgb(color: Planes): Planes;
  /**
   * The color in coordinates in which the RGB gamut is the cube [0, 1]³ and
   * which {@link fromCube} turns into RGB channel by channel. Not clipped: this
   * is where an attack sees how far outside the gamut a color lies.
   */
  toCube(color: Planes): Planes;
  /** RGB at a point of the cube. */
  fromCube(cube: Planes): Planes;
  /** The inverse of {@link toCube}: the color at a point of the cube. */
  ofCube(cube: Planes): Planes;
}

/** A color space by its maps on planes. */
export function colorSpace(name: string, planes: PlaneMaps): ColorSpace {
  return {
    name,
    planes,
    fromRgb: rgb => onLastAxis(rgb, planes.fromRgb),
    toRgb: color => onLastAxis(color, planes.toRgb),
  };
}

/** A map of planes, applied to colors with the channel as last axis. */
export function onLastAxis<T extends tf.Tensor>(
  color: T,
  map: (planes: Planes) => Planes,
): T {
  return tf.tidy(() => {
    const rows = tf.reshape(color, [1, -1, 3]) as tf.Tensor3D;
    return tf.reshape(fromPlanes(map(toPlanes(rows))), color.shape) as T;
  });
}

/** [N, P, 3] → [N, 3, P] */
export function toPlanes(color: tf.Tensor3D): Planes {
  return tf.transpose(color, [0, 2, 1]);
}

/** [N, 3, P] → [N, P, 3] */
export function fromPlanes(planes: Planes): tf.Tensor3D {
  return tf.transpose(planes, [0, 2, 1]);
}
