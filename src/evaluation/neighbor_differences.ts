import type * as tf from '@tensorflow/tfjs';

/** Reads a number of each example, by name. Returns those of the i-th one. */
export async function readEach(
  each: Record<string, tf.Tensor1D>,
): Promise<(i: number) => Record<string, number>> {
  const read: Array<[name: string, values: ArrayLike<number>]> = [];
  for (const [name, values] of Object.entries(each)) {
    read.push([name, await values.data()]);
  }
  return i => Object.fromEntries(read.map(([name, v]) => [name, v[i]]));
}

/** The larger of each pair of numbers of the same name. */
export function largerOf(
  a: Record<string, number>,
  b: Record<string, number> = {},
): Record<string, number> {
  const larger = {...a};
  for (const [name, value] of Object.entries(b)) {
    larger[name] = Math.max(value, larger[name] ?? 0);
  }
  return larger;
}
