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
  deviation: number,
  stream: number,
): tf.Tensor {
  return tf.tidy(() =>
    tf.stack(
      seeds.map(seed =>
        tf.randomNormal(shape, 0, deviation, 'float32', seed + stream * 7919),
      ),
    ),
  );
}

/**
 * A seed for each image. With a seed given, an image's own follows from that and
 * from its pixels (FNV-1a), not from its place in the batch; without, they are
 * fresh at every call.
 */
export function exampleSeeds(images: tf.Tensor4D, seed?: number): number[] {
  const n = images.shape[0];
  if (seed === undefined) {
    return Array.from({length: n}, () => Math.floor(Math.random() * 2 ** 31));
  }
  const values = Float32Array.from(images.dataSync());
  const words = new Uint32Array(values.buffer);
  const size = words.length / n;
  return Array.from({length: n}, (_, i) => {
    let hash = (0x811c9dc5 ^ seed) >>> 0;
    for (let k = i * size; k < (i + 1) * size; k++) {
      hash = Math.imul(hash ^ words[k], 0x01000193) >>> 0;
    }
    return hash;
  });
}
