import * as tf from '@tensorflow/tfjs';
import type {Attack} from '../../attacks/attack.js';
import {type Classifier, logits} from '../../models/logits.js';
import {tidy} from '../../ops/tidy.js';
import type {LoadedExamples} from '../loaded_examples.js';

/** Examples that the checks look at, at most. */
const LARGEST = 32;

/** A few examples, spread evenly over all of them. */
export interface Sample {
  images: tf.Tensor4D;
  /** Class indices. */
  labels: tf.Tensor1D;
  size: number;
  classes: number;
}

/** What checks know. */
export interface Checked {
  classifier: Classifier;
  sample: Sample;
  attack: Attack;
}

/** The examples at `places`, as tensors to be disposed. */
export function takeExamples(data: LoadedExamples, places: number[]): Sample {
  return tidy(() => ({
    images: tf.concat(places.map(i => data.tensor(i, i + 1))) as tf.Tensor4D,
    labels: tf.tensor1d(
      places.map(i => data.labels[i]),
      'int32',
    ),
    size: places.length,
    classes: data.classes,
  }));
}

/** Up to `count` of `places`, spread evenly. */
export function spread(places: number[], count: number = LARGEST): number[] {
  const n = Math.min(count, places.length);
  return Array.from(
    {length: n},
    (_, i) => places[Math.floor((i * places.length) / n)],
  );
}

/** The logits for the sample, or for images made of its: one row an image. */
export async function readLogits(
  {classifier, sample}: Pick<Checked, 'classifier' | 'sample'>,
  change: (images: tf.Tensor4D) => tf.Tensor4D = x => x,
): Promise<Float32Array[]> {
  const z = tidy(() => tf.clone(logits(classifier, change(sample.images))));
  try {
    const values = (await z.data()) as Float32Array;
    const classes = z.shape[1];
    return Array.from({length: z.shape[0]}, (_, i) =>
      values.slice(i * classes, (i + 1) * classes),
    );
  } finally {
    z.dispose();
  }
}

/** The index of the largest value, the first of several, as `tf.argMax` has it. */
export function argMax(row: Float32Array): number {
  let best = 0;
  row.forEach((x, k) => {
    if (x > row[best]) best = k;
  });
  return best;
}

/** How many rows have their label's logit as the largest. */
export async function countCorrect(
  rows: Float32Array[],
  {labels}: Sample,
): Promise<number> {
  const wanted = await labels.data();
  return rows.filter(
    (row, i) => !row.some(Number.isNaN) && argMax(row) === wanted[i],
  ).length;
}

/** The largest finite absolute value. */
export function scaleOf(rows: Float32Array[]): number {
  let largest = 0;
  for (const row of rows) {
    for (const x of row) {
      if (Number.isFinite(x)) largest = Math.max(largest, Math.abs(x));
    }
  }
  return largest;
}

/** Whether two sets of rows are equal but for rounding, relative to the largest value. */
export function agree(
  a: Float32Array[],
  b: Float32Array[],
  tolerance: number,
): boolean {
  const allowed = tolerance * scaleOf(a);
  return a.every((row, i) =>
    row.every((x, k) => {
      const y = b[i][k];
      return (
        x === y ||
        (Number.isNaN(x) && Number.isNaN(y)) ||
        Math.abs(x - y) <= allowed
      );
    }),
  );
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2
    ? sorted[middle]
    : (sorted[middle - 1] + sorted[middle]) / 2;
}
