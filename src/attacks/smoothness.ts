import * as tf from '@tensorflow/tfjs';

/** Under the root, so that the gradient exists where neighbours are equal. */
const EPSILON = 1e-10;

/** `t` without its first `begin` and its last `end` entries along an axis. */
function cut(t: tf.Tensor4D, axis: number, begin: number, end: number) {
  const start = [0, 0, 0, 0];
  const size = t.shape.slice();
  start[axis] = begin;
  size[axis] -= begin + end;
  return tf.slice(t, start, size);
}

function padAxis(t: tf.Tensor, axis: number, before: number, after: number) {
  const paddings: Array<[number, number]> = t.shape.map(() => [0, 0]);
  paddings[axis] = [before, after];
  return tf.pad(t, paddings);
}

/**
 * How unsmooth a field of perturbations is: over all points and all their
 * neighbours along the axes A, B and C, the sum of √(‖p − q‖² + 1e-10). Each
 * neighbouring pair counts twice, once from each side.
 *
 * Source: L_flow of Xiao et al. 2018, equation 4; L_smooth of Laidlaw & Feizi
 * 2019, section 4.
 *
 * @param field The components of the perturbations, each [N, A, B, C]; axes of
 *     size 1 have no neighbours.
 * @returns [N]
 */
export function smoothness(field: tf.Tensor4D[]): tf.Tensor1D {
  const [n, ...sizes] = field[0].shape;
  const axes = [1, 2, 3].filter(axis => sizes[axis - 1] > 1);
  // As in the paper's code, a neighbour beyond the border counts as equal.
  const points = tf.util.sizeFromShape(sizes);
  const borders = axes.map(axis => (2 * points) / sizes[axis - 1]);
  const atBorders = borders.reduce((a, b) => a + b, 0) * Math.sqrt(EPSILON);
  const f = tf.customGrad((...args) => {
    const components = args.slice(0, -1) as tf.Tensor4D[];
    const save = args[args.length - 1] as tf.GradSaveFunc;
    const directions: tf.Tensor[] = [];
    const sums = axes.map(axis => {
      const differences = components.map(x =>
        tf.sub(cut(x, axis, 1, 0), cut(x, axis, 0, 1)),
      );
      const squares = tf.add(
        tf.addN(differences.map(d => tf.square(d))),
        EPSILON,
      );
      const inverse = tf.rsqrt(squares);
      directions.push(...differences.map(d => tf.mul(d, inverse)));
      return tf.sum(tf.mul(squares, inverse), [1, 2, 3]);
    });
    save(directions);
    return {
      value: sums.length
        ? tf.add(tf.mul(tf.addN(sums), 2), atBorders)
        : tf.zeros([n]),
      gradFunc: (dy, saved) => {
        const scale = tf.reshape(tf.mul(dy, 2), [n, 1, 1, 1]);
        return components.map((x, i) => {
          const terms = axes.map((axis, k) => {
            const d = (saved as tf.Tensor[])[k * components.length + i];
            return tf.sub(padAxis(d, axis, 1, 0), padAxis(d, axis, 0, 1));
          });
          return terms.length
            ? tf.mul(tf.addN(terms), scale)
            : tf.zeros(x.shape);
        });
      },
    };
  });
  return f(...field) as tf.Tensor1D;
}
