import * as tf from '@tensorflow/tfjs';

/** Applies `f` to the three channels of the last axis, and stacks its three results. */
export function mapChannels<T extends tf.Tensor>(
  color: T,
  f: (channels: [tf.Tensor, tf.Tensor, tf.Tensor]) => tf.Tensor[],
): T {
  return tf.tidy(() => {
    const [a, b, c] = tf.unstack(color, -1);
    return tf.stack(f([a, b, c]), -1) as T;
  });
}

/** Multiplies every colour (last axis) by a 3×3 matrix, rows being the outputs, and adds an offset. */
export function affine<T extends tf.Tensor>(
  color: T,
  matrix: number[][],
  offset?: number[],
): T {
  return tf.tidy(() => {
    const rows = tf.reshape(color, [-1, 3]);
    let out: tf.Tensor = tf.matMul(rows, tf.tensor2d(matrix), false, true);
    if (offset) out = tf.add(out, tf.tensor1d(offset));
    return tf.reshape(out, color.shape) as T;
  });
}

/** The inverse of a 3×3 matrix. */
export function invert3(m: number[][]): number[][] {
  const [[a, b, c], [d, e, f], [g, h, i]] = m;
  const cofactors = [
    [e * i - f * h, c * h - b * i, b * f - c * e],
    [f * g - d * i, a * i - c * g, c * d - a * f],
    [d * h - e * g, b * g - a * h, a * e - b * d],
  ];
  const determinant =
    a * cofactors[0][0] + b * cofactors[1][0] + c * cofactors[2][0];
  return cofactors.map(row => row.map(x => x / determinant));
}
