import * as tf from '@tensorflow/tfjs';
import {boxAverage} from '../../ops/box_average.js';
import {
  exactDifferences,
  pairDifferences,
  pairDifferencesTransposed,
} from '../../ops/neighbor_differences.js';

/** Below 2, where it would no longer converge; 1.5 in 2 sweeps does what 1 does in 4. */
const OVER_RELAXATION = 1.5;

/** What {@link projectSmooth} projects to. */
export interface SmoothBound {
  /** Largest Euclidean norm of the difference of neighbors. */
  smooth: number;
  /** Largest magnitude that {@link clip} leaves. */
  epsilon: number;
  /** Projects to the other bounds: boxes that contain zero. */
  clip: (field: tf.Tensor4D[]) => tf.Tensor4D[];
  /** Rounds of projections over all pairs. */
  sweeps: number;
}

/**
 * Brings fields of displacements d into the convex set of those that satisfy
 * `clip` and ‖d_j − d_k‖₂ ≤ smooth for all neighbors j, k along the axes A, B, C.
 *
 * The pairs of neighbors along one axis that begin at points of one parity are
 * disjoint, so that all are projected at once: both ends move by half of the
 * excess, over-relaxed (Agmon 1954; Motzkin & Schoenberg 1954). A few sweeps over
 * axes and parities leave an excess. Then each image's field d is replaced by
 *
 *   d + t (B d − d),  t = (L(d) − smooth) / (L(d) − L(B d)),
 *
 * where L is the largest difference and B a moving average so wide that B d
 * satisfies the bound; L is convex, so that the result does too. Where a clip at
 * a border leaves L(B d) > smooth, B d scaled toward zero, which all bounds
 * allow, takes its place. A feasible field stays as it is.
 *
 * Source of the set: F_smooth of Laidlaw & Feizi 2019, section 4, which the paper
 * replaces by a price.
 *
 * @param field The components of the displacements, each [N, A, B, C].
 */
export function projectSmooth(
  field: tf.Tensor4D[],
  {smooth, epsilon, clip, sweeps}: SmoothBound,
): tf.Tensor4D[] {
  return tf.tidy(() => {
    let inside = clip(field);
    if (smooth === Infinity) return inside;
    const axes = axesOf(field);
    if (axes.length === 0) return inside;
    for (let sweep = 0; sweep < sweeps; sweep++) {
      for (const axis of axes) {
        for (const parity of [0, 1] as const) {
          if (field[0].shape[axis] < parity + 2) continue;
          inside = projectPairs(inside, axis, parity, smooth);
        }
      }
      inside = clip(inside);
    }
    const width = averageWidth({smooth, epsilon}, field.length);
    const averages = clip(inside.map(t => boxAverage(t, axes, width)));
    return blend(inside, averages, smooth, epsilon);
  });
}

/** The largest Euclidean norm of the difference of neighbors in each field: [N]. */
export function largestDifference(field: tf.Tensor4D[]): tf.Tensor1D {
  return tf.tidy(() => {
    const largest = axesOf(field).map(axis => {
      const squares = exactDifferences(field, axis).map(d => tf.square(d));
      return tf.max(tf.addN(squares), [1, 2, 3]);
    });
    if (largest.length === 0) return tf.zeros([field[0].shape[0]]);
    return tf.sqrt(tf.max(tf.stack(largest), 0)) as tf.Tensor1D;
  });
}

/**
 * Entries in a moving average of a field of `components` values in [−ε, ε] that
 * makes it satisfy the bound: odd, and Infinity for a bound of 0. Two neighboring
 * averages of w entries differ by at most 2ε/w in each component.
 */
export function averageWidth(
  {smooth, epsilon}: {smooth: number; epsilon: number},
  components: number,
): number {
  const least = (2 * Math.sqrt(components) * epsilon) / smooth;
  return Number.isFinite(least)
    ? 2 * Math.ceil((Math.max(least, 1) - 1) / 2) + 1
    : Infinity;
}

/** The axes along which there are neighbors. */
function axesOf([{shape}]: tf.Tensor4D[]): Array<1 | 2 | 3> {
  return ([1, 2, 3] as const).filter(axis => shape[axis] > 1);
}

/** w = second − first of each pair moves by ω (1 − smooth/‖w‖)₊ w, half of it at each end. */
function projectPairs(
  field: tf.Tensor4D[],
  axis: 1 | 2 | 3,
  parity: 0 | 1,
  smooth: number,
): tf.Tensor4D[] {
  const apart = pairDifferences(field, axis, parity);
  const squares = tf.addN(apart.map(d => tf.square(d)));
  const floor = Math.max(smooth ** 2, 1e-30);
  // A little more than smooth, so that rounding does not move feasible pairs.
  const ratio = tf.mul(
    tf.rsqrt(tf.maximum(squares, floor)),
    smooth * (1 + 1e-6),
  );
  const excess = tf.relu(tf.sub(1, ratio));
  const half = tf.mul(excess, OVER_RELAXATION / 2);
  const moves = pairDifferencesTransposed(
    apart.map(d => tf.mul(d, half)),
    axis,
    parity,
    field[0].shape[axis],
  );
  return field.map((t, i) => tf.sub(t, moves[i]));
}

/**
 * Each image's d + t (a − d) with the smallest t that satisfies the bound, or,
 * where even the averages a do not, these scaled until they do.
 */
function blend(
  field: tf.Tensor4D[],
  averages: tf.Tensor4D[],
  smooth: number,
  epsilon: number,
): tf.Tensor4D[] {
  const before = largestDifference(field);
  const after = largestDifference(averages);
  // Rounding moves entries of size ε by a few ε/2²⁴, and L by as much.
  const target = Math.max(smooth - 1e-6 * (smooth + epsilon), 0);
  const feasible = tf.lessEqual(before, smooth);
  const gain = tf.maximum(tf.sub(before, after), 1e-30);
  const needed = tf.clipByValue(tf.div(tf.sub(before, target), gain), 0, 1);
  const t = tf.where(feasible, tf.zerosLike(needed), needed);
  const enough = tf.logicalOr(feasible, tf.lessEqual(after, target));
  const shrunk = tf.div(target, tf.maximum(after, 1e-30));
  const s = tf.where(enough, tf.onesLike(t), tf.clipByValue(shrunk, 0, 1));
  const perImage = (x: tf.Tensor) => tf.reshape(x, [-1, 1, 1, 1]);
  const kept = perImage(tf.mul(s, tf.sub(1, t)));
  const taken = perImage(tf.mul(s, t));
  // Exactly one of the two where t is 0 or 1.
  return field.map((d, i) =>
    tf.add(tf.mul(d, kept), tf.mul(averages[i], taken)),
  );
}
