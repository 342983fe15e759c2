import * as tf from '@tensorflow/tfjs';
import {alongAxis} from './along_axis.js';
import {uniformPerSeed} from './seeded_noise.js';

/**
 * For each seed a smooth field [A, B, C]: values uniform in [−bound, bound) on a
 * coarse lattice, interpolated linearly along each axis. Stacked: [N, A, B, C].
 *
 * @param spacing Least distance between neighbors of the coarse lattice, whose
 *     ends coincide with the field's; at least 1.
 */
export function smoothNoisePerSeed(
  seeds: number[],
  shape: number[],
  bound: number,
  spacing: number,
): tf.Tensor4D {
  return tf.tidy(() => {
    const coarse = shape.map(size =>
      Math.min(size, Math.max(2, Math.floor((size - 1) / spacing) + 1)),
    );
    const noise = uniformPerSeed(seeds, coarse, bound) as tf.Tensor4D;
    return shape.reduce(
      (t, size, i) =>
        size === coarse[i]
          ? t
          : alongAxis(t, i + 1, interpolation(size, coarse[i])),
      noise,
    );
  });
}

/** Weights of linear interpolation from `coarse` evenly spaced entries to `size`. */
function interpolation(size: number, coarse: number): tf.Tensor2D {
  const matrix = new Float32Array(size * coarse);
  for (let i = 0; i < size; i++) {
    const at = (i * (coarse - 1)) / (size - 1);
    const low = Math.min(Math.floor(at), coarse - 2);
    matrix[i * coarse + low] = 1 - (at - low);
    matrix[i * coarse + low + 1] = at - low;
  }
  return tf.tensor2d(matrix, [size, coarse]);
}
