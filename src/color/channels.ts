import * as tf from '@tensorflow/tfjs';
import type {Planes} from './color_space.js';

/** The three channels of planes, each [N, P]. */
export function split(planes: tf.Tensor): [tf.Tensor, tf.Tensor, tf.Tensor] {
  return tf.unstack(planes, 1) as [tf.Tensor, tf.Tensor, tf.Tensor];
}

/** The inverse of {@link split}. */
export function join(channels: tf.Tensor[]): Planes {
  return tf.stack(channels, 1) as Planes;
}

/** Applies `f` to the three channels, and joins its three results. */
export function mapChannels(
  planes: Planes,
  f: (channels: [tf.Tensor, tf.Tensor, tf.Tensor]) => tf.Tensor[],
): Planes {
  return tf.tidy(() => join(f(split(planes))));
}

/** Multiplies every color by a 3×3 matrix, rows being the outputs, and adds an offset. */
export function affine(
  planes: Planes,
  matrix: number[][],
  offset?: number[],
): Planes {
  return tf.tidy(() => {
    const product: Planes = tf.matMul(tf.tensor3d([matrix]), planes);
    return offset
      ? (tf.add(product, tf.tensor3d(offset, [1, 3, 1])) as Planes)
      : product;
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
