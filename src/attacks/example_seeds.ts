import type * as tf from '@tensorflow/tfjs';
import {read, type Reading} from '../ops/reading.js';

/** A seed for each image, as {@link exampleSeed} has it. */
export function* exampleSeeds(
  images: tf.Tensor4D,
  seed?: number,
): Reading<number[]> {
  const n = images.shape[0];
  if (seed === undefined) {
    return Array.from({length: n}, () => exampleSeed());
  }
  const values = Float32Array.from(yield* read(images));
  const size = values.length / n;
  return Array.from({length: n}, (_, i) =>
    exampleSeed(values.subarray(i * size, (i + 1) * size), seed),
  );
}

/**
 * The seed of one image. With a seed given, it follows from that and from the
 * image's pixels (FNV-1a), not from its place in the batch; without, it is a
 * fresh one.
 */
export function exampleSeed(
  image: Float32Array = new Float32Array(),
  seed?: number,
): number {
  if (seed === undefined) return Math.floor(Math.random() * 2 ** 31);
  const words = new Uint32Array(image.buffer, image.byteOffset, image.length);
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (const word of words) {
    hash = Math.imul(hash ^ word, 0x01000193) >>> 0;
  }
  return hash;
}
