import * as tf from '@tensorflow/tfjs';
import type {PlaneMaps, Planes} from './color_space.js';

/** Rounding that a color may exceed its bound by. */
const TOLERANCE = 1e-5;

/**
 * Brings recolored pixels back into the RGB gamut without moving any channel
 * of the color space further than its bound.
 *
 * Clipping RGB, as one would, may move a color's other channels far past the
 * bound. So of three candidates each pixel takes the first that keeps it: the
 * clipped color; the point where the straight way from the original color to
 * the new one (in the cube's coordinates) leaves the gamut; the original color.
 *
 * The gradient is that of the candidate taken, its choice and the length of the
 * way being constants.
 *
 * @param moved New colors in the space's cube coordinates, [N, 3, P].
 * @param original The original colors in cube coordinates, [N, 3, P].
 * @param colors The original colors in the space itself, [N, 3, P].
 * @param bound Per channel, of the space.
 * @returns Cube coordinates in [0, 1], [N, 3, P].
 */
export function withinGamut(
  moved: Planes,
  original: Planes,
  colors: Planes,
  space: PlaneMaps,
  bound: readonly number[],
): Planes {
  const limits = tf.tensor3d(
    bound.map(b => b + TOLERANCE),
    [1, 3, 1],
  );
  const keeps = (cube: Planes) =>
    tf.all(
      tf.lessEqual(tf.abs(tf.sub(space.ofCube(cube), colors)), limits),
      1,
      true,
    );
  const f = tf.customGrad((moved, original, save) => {
    const to = moved as Planes;
    const from = original as Planes;
    const clipped = tf.clipByValue(to, 0, 1);
    const inside = tf.cast(tf.equal(clipped, to), 'float32');
    const clip = keeps(clipped);

    const way = tf.sub(to, from);
    const room = tf.where(tf.greater(way, 0), tf.sub(1, from), from);
    const fraction = tf.clipByValue(
      tf.min(tf.div(room, tf.maximum(tf.abs(way), 1e-12)), 1, true),
      0,
      1,
    );
    const exit = tf.clipByValue(
      tf.add(from, tf.mul(way, fraction)) as Planes,
      0,
      1,
    );
    const taken = tf.mul(fraction, tf.cast(keeps(exit), 'float32'));
    const start = tf.clipByValue(from, 0, 1);
    const leaves = tf.broadcastTo(tf.greater(taken, 0), to.shape);
    // Nothing moves, not even by rounding, where no candidate is allowed.
    const along = tf.where(leaves, exit, start);

    const one = tf.onesLike(fraction);
    const ofMoved = tf.mul(inside, tf.where(clip, one, taken));
    const stays = tf.cast(tf.equal(start, from), 'float32');
    const ofOriginal = tf.mul(
      tf.where(leaves, tf.mul(inside, tf.sub(1, taken)), stays),
      tf.sub(1, tf.cast(clip, 'float32')),
    );
    (save as tf.GradSaveFunc)([ofMoved, ofOriginal]);
    return {
      value: tf.where(tf.broadcastTo(clip, to.shape), clipped, along),
      gradFunc: (dy, saved) =>
        (saved as tf.Tensor[]).map(slope => tf.mul(dy, slope)),
    };
  });
  return f(moved, original) as Planes;
}
