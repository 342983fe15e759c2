import * as tf from '@tensorflow/tfjs';

/** Under the root, so that the gradient exists where neighbours are equal. */
const EPSILON = 1e-10;

/**
 * Differences between neighbours along an axis of [N, A, B, C], and 0 at its end,
 * as a product with a constant matrix: backends multiply small matrices several
 * times faster than they cut and pad unaligned slices. `transposed` is the
 * gradient's way back.
 */
function difference(
  t: tf.Tensor4D,
  axis: 1 | 2 | 3,
  matrix: tf.Tensor2D,
  transposed: boolean,
): tf.Tensor {
  const [n, a, b, c] = t.shape;
  if (axis === 3 || (axis === 2 && c === 1)) {
    const rows = tf.reshape(t, [-1, t.shape[axis]]);
    return tf.reshape(tf.matMul(rows, matrix, false, !transposed), t.shape);
  }
  const flat: [number, number, number] =
    axis === 1 ? [n, a, b * c] : [n * a, b, c];
  const product = tf.matMul(
    tf.expandDims(matrix),
    tf.reshape(t, flat),
    transposed,
  );
  return tf.reshape(product, t.shape);
}

/** Row i takes entry i from entry i + 1; the last row is 0. */
function differences(size: number): tf.Tensor2D {
  const matrix = new Float32Array(size * size);
  for (let i = 0; i + 1 < size; i++) {
    matrix[i * size + i] = -1;
    matrix[i * size + i + 1] = 1;
  }
  return tf.tensor2d(matrix, [size, size]);
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
  const axes = ([1, 2, 3] as const).filter(axis => sizes[axis - 1] > 1);
  const f = tf.customGrad((...args) => {
    const components = args.slice(0, -1) as tf.Tensor4D[];
    const save = args[args.length - 1] as tf.GradSaveFunc;
    const directions: tf.Tensor[] = [];
    const matrices = axes.map(axis => differences(sizes[axis - 1]));
    const sums = axes.map((axis, k) => {
      const apart = components.map(x =>
        difference(x, axis, matrices[k], false),
      );
      // As in the paper's code, a neighbour beyond the border counts as equal.
      const squares = tf.add(tf.addN(apart.map(d => tf.square(d))), EPSILON);
      const inverse = tf.rsqrt(squares);
      directions.push(...apart.map(d => tf.mul(d, inverse)));
      // In two goes, as some backends add number to number and lose the last digits.
      return tf.sum(tf.sum(tf.mul(squares, inverse), [3]), [1, 2]);
    });
    save([...matrices, ...directions]);
    return {
      value: sums.length ? tf.mul(tf.addN(sums), 2) : tf.zeros([n]),
      gradFunc: (dy, saved) => {
        const matrices = (saved as tf.Tensor2D[]).slice(0, axes.length);
        const directions = (saved as tf.Tensor4D[]).slice(axes.length);
        const scale = tf.reshape(tf.mul(dy, 2), [n, 1, 1, 1]);
        return components.map((x, i) => {
          const terms = axes.map((axis, k) => {
            const d = directions[k * components.length + i];
            return difference(d, axis, matrices[k], true);
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
