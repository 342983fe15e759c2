import * as tf from '@tensorflow/tfjs';
import type {OnnxBackend} from '../../src/index.js';

/** How many graphs each turn of `turn` compiles. */
export async function compilations(
  turns: number,
  turn: (i: number) => unknown,
): Promise<number[]> {
  const backend = tf.backend() as OnnxBackend;
  const counts: number[] = [];
  for (let i = 0; i < turns; i++) {
    const before = backend.stats().compilations;
    await turn(i);
    counts.push(backend.stats().compilations - before);
  }
  return counts;
}
