import * as tf from '@tensorflow/tfjs';
import {
  differences,
  differencesTransposed,
} from '../../ops/neighbor_differences.js';

/** Under the root, so that the gradient exists where neighbors are equal. */
const EPSILON = 1e-10;

/**
 * How unsmooth a field of perturbations is: over all points and all their
 * neighbors along the axes A, B and C, the sum of √(‖p − q‖² + 1e-10). Each
 * neighboring pair counts twice, once from each side.
 *
 * Source: L_flow of Xiao et al. 2018, equation 4; L_smooth of Laidlaw & Feizi
 * 2019, section 4.
 *
 * @param field The components of the perturbations, each [N, A, B, C]; axes of
 *     size 1 have no neighbors.
 * @returns [N]
 */
export function smoothness(field: tf.Tensor4D[]): tf.Tensor1D {
  const [n, ...sizes] = field[0].shape;
  const axes = ([1, 2, 3] as const).filter(axis => sizes[axis - 1] > 1);
  // As in the paper's code, a neighbor beyond the border counts as equal.
  const points = sizes[0] * sizes[1] * sizes[2];
  const atBorders = axes
    .map(axis => (points / sizes[axis - 1]) * Math.sqrt(EPSILON))
    .reduce((a, b) => a + b, 0);
  const f = tf.customGrad((...args) => {
    const components = args.slice(0, -1) as tf.Tensor4D[];
    const save = args[args.length - 1] as tf.GradSaveFunc;
    const directions: tf.Tensor[] = [];
    const sums = axes.map(axis => {
      const apart = differences(components, axis);
      const squares = tf.add(tf.addN(apart.map(d => tf.square(d))), EPSILON);
      const inverse = tf.rsqrt(squares);
      directions.push(...apart.map(d => tf.mul(d, inverse)));
      // In two goes, as some backends add number to number and lose the last digits.
      return tf.sum(tf.sum(tf.mul(squares, inverse), [3]), [1, 2]);
    });
    save(directions);
    return {
      value: sums.length
        ? tf.mul(tf.add(tf.addN(sums), atBorders), 2)
        : tf.zeros([n]),
      gradFunc: (dy, saved) => {
        const directions = saved as tf.Tensor4D[];
        const scale = tf.reshape(tf.mul(dy, 2), [n, 1, 1, 1]);
        const m = components.length;
        const terms = axes.map((axis, k) =>
          differencesTransposed(directions.slice(k * m, (k + 1) * m), axis),
        );
        return components.map((x, i) =>
          terms.length
            ? tf.mul(tf.addN(terms.map(t => t[i])), scale)
            : tf.zeros(x.shape),
        );
      },
    };
  });
  return f(...field) as tf.Tensor1D;
}
