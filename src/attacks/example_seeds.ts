import type * as tf from '@tensorflow/tfjs';

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
