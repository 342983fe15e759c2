import * as tf from '@tensorflow/tfjs';

/** Under the root, so that the gradient exists where neighbours are equal. */
const EPSILON = 1e-10;

/** The elements of `t` [N, A, B, C] from `begin` to the end of `axis`, or up to `-end` before it. */
function cut(t: tf.Tensor4D, axis: number, begin: number, end: number) {
  const start = [0, 0, 0, 0];
  const size = t.shape.slice();
  start[axis] = begin;
  size[axis] -= begin + end;
  return tf.slice(t, start, size);
}

function padAxis(t: tf.Tensor4D, axis: number, before: number, after: number) {
  const paddings: Array<[number, number]> = [
    [0, 0],
    [0, 0],
    [0, 0],
    [0, 0],
  ];
  paddings[axis] = [before, after];
  return tf.pad(t, paddings);
}

/**
 * How unsmooth a field of perturbations is: over all points and all their
 * neighbours along the axes A, B and C, the sum of
 * √(‖p − q‖² + 1e-10). Each neighbouring pair counts twice, once from each side.
 *
 * Source: L_flow of Xiao et al. 2018, equation 4; L_smooth of Laidlaw & Feizi
 * 2019, section 4.
 *
 * @param field [N, A, B, C · channels]; axes of size 1 have no neighbours.
 * @param channels How many neighbouring elements of the last axis make up one
 *     point's perturbation.
 * @returns [N]
 */
export function smoothness(field: tf.Tensor4D, channels: number): tf.Tensor1D {
  const steps = [1, 1, channels];
  const shape = field.shape;
  const n = shape[0];
  const axes = [1, 2, 3].filter(a => shape[a] > steps[a - 1]);
  // As in the paper's code, a neighbour beyond the border counts as equal.
  const points = shape[1] * shape[2] * (shape[3] / channels);
  const borders = axes.map(a => (2 * points * steps[a - 1]) / shape[a]);
  const atBorders = borders.reduce((a, b) => a + b, 0) * Math.sqrt(EPSILON);
  const f = tf.customGrad((field, save) => {
    const x = field as tf.Tensor4D;
    const directions: tf.Tensor[] = [];
    const sums = axes.map(axis => {
      const step = steps[axis - 1];
      const difference = tf.sub(cut(x, axis, step, 0), cut(x, axis, 0, step));
      const vectors = tf.reshape(difference, [-1, channels]);
      const norms = tf.sqrt(
        tf.add(tf.sum(tf.square(vectors), 1, true), EPSILON),
      );
      directions.push(tf.reshape(tf.div(vectors, norms), difference.shape));
      return tf.sum(tf.reshape(norms, [n, -1]), 1);
    });
    (save as tf.GradSaveFunc)(directions);
    return {
      value: sums.length
        ? tf.add(tf.mul(tf.addN(sums), 2), atBorders)
        : tf.zeros([n]),
      gradFunc: (dy, saved) => {
        const terms = (saved as tf.Tensor4D[]).flatMap((direction, i) => {
          const axis = axes[i];
          const step = steps[axis - 1];
          return [
            padAxis(direction, axis, step, 0),
            tf.neg(padAxis(direction, axis, 0, step)),
          ];
        });
        const scale = tf.reshape(tf.mul(dy, 2), [n, 1, 1, 1]);
        return terms.length ? tf.mul(tf.addN(terms), scale) : tf.zeros(shape);
      },
    };
  });
  return f(field) as tf.Tensor1D;
}
