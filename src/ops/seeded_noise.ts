import * as tf from '@tensorflow/tfjs';

/**
 * For each seed a tensor of the given shape with values uniform in
 * [−bound, bound), stacked: [N, …shape]. Each entry depends on its own seed
 * alone, so that an example starts at the same place in whatever batch it is.
 */
export function uniformPerSeed(
  seeds: number[],
  shape: number[],
  bound: number,
): tf.Tensor {
  return tf.tidy(() =>
    tf.stack(
      seeds.map(seed =>
        tf.randomUniform(shape, -bound, bound, 'float32', String(seed)),
      ),
    ),
  );
}

/** The same with normal noise; `stream` tells apart tensors of one example. */
export function normalPerSeed(
  seeds: number[],
  shape: number[],
  stddev: number,
  stream: number,
): tf.Tensor {
  return tf.tidy(() =>
    tf.stack(
      seeds.map(seed =>
        tf.randomNormal(shape, 0, stddev, 'float32', seed + stream * 7919),
      ),
    ),
  );
}
