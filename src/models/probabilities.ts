import * as tf from '@tensorflow/tfjs';
import type {Reading} from '../ops/reading.js';

/** Outputs of a classifier, row after row. */
export interface Rows {
  values: Float32Array;
  classes: number;
}

/** The outputs for images that are made inside. */
type Ask = (make: () => tf.Tensor4D) => Reading<Rows>;

/** By what share a row of probabilities may miss its sum: as those rounded to 16 bits do. */
const TOLERANCE = 2e-3;

/** By what share of the sum outputs may miss a straight line and still be linear in the image. */
const LINEAR = 1e-3;

/** Images on a line between two, for each of a few rounds. */
const POINTS = 32;
const ROUNDS = 5;

/**
 * Whether outputs are probabilities: on the images given, and then on others of
 * the same size too, none is negative and each row sums to 1; or to another
 * number that is the same for all rows, as percentages do, unless they are linear
 * along the line between two images, as those of a linear classifier may be.
 *
 * A saturated softmax gives exactly 0 and 1, as a classifier does that has no
 * other outputs. The two are told apart on the line between two images of
 * different classes, where a softmax passes through all values between.
 *
 * @returns null if it cannot be told: all outputs are the same.
 */
export function* areProbabilities(
  rows: Rows,
  images: tf.Tensor4D,
  ask: Ask,
): Reading<boolean | null> {
  if (!likeProbabilities(rows)) return false;
  const probed = yield* ask(() => probes(images));
  if (!likeProbabilities(probed)) return false;
  if (isConstant(probed)) return null;
  if (!isOneHot(probed)) {
    const one = answers(probed)[0];
    if (Math.abs(sumOf(probed, one) - 1) < TOLERANCE) return true;
    const far = farthestFrom(one, probed);
    return !isLinear(yield* ask(() => between(probes(images), one, far, 0, 1)));
  }
  const best = classesOf(probed);
  const one = best.findIndex(k => k >= 0);
  const other = best.findIndex(k => k >= 0 && k !== best[one]);
  if (other < 0) return null;
  let [from, to] = [0, 1];
  for (let round = 0; round < ROUNDS; round++) {
    const line = yield* ask(() =>
      between(probes(images), one, other, from, to),
    );
    if (!likeProbabilities(line)) return false;
    if (!isOneHot(line)) return true;
    const along = classesOf(line);
    const jump = along.findIndex(
      (k, i) => i > 0 && k >= 0 && along[i - 1] >= 0 && k !== along[i - 1],
    );
    if (jump < 0) break;
    const width = (to - from) / (POINTS - 1);
    [from, to] = [from + (jump - 1) * width, from + jump * width];
  }
  return false;
}

/** The first image, plain ones, noise and another of the images; the same ones at each call. */
function probes(images: tf.Tensor4D): tf.Tensor4D {
  const [n, ...shape] = images.shape;
  const at = (i: number) => tf.slice(images, [i, 0, 0, 0], [1, -1, -1, -1]);
  const plain = (value: number) => tf.fill([1, ...shape], value);
  const noise = (seed: number) =>
    tf.randomUniform([1, ...shape], 0, 1, 'float32', seed);
  return tf.concat([
    at(0),
    ...[0, 0.25, 0.5, 0.75, 1].map(plain),
    ...[1, 2, 3].map(noise),
    ...Array.from({length: Math.min(n - 1, 8)}, (_, i) => at(i + 1)),
  ] as tf.Tensor4D[]);
}

/** Images from `from` to `to` (0 … 1) of the way from the image at `one` to that at `other`. */
function between(
  images: tf.Tensor4D,
  one: number,
  other: number,
  from: number,
  to: number,
): tf.Tensor4D {
  const at = (i: number) => tf.slice(images, [i, 0, 0, 0], [1, -1, -1, -1]);
  const share = tf.reshape(tf.linspace(from, to, POINTS), [-1, 1, 1, 1]);
  const line = tf.add(at(one), tf.mul(tf.sub(at(other), at(one)), share));
  // Rounding must not lead out of the range, where a root or a power is NaN.
  return tf.clipByValue(line as tf.Tensor4D, 0, 1);
}

/**
 * Which rows have no NaN, as a plain image may give that is divided by its
 * standard deviation.
 */
function answers({values, classes}: Rows): number[] {
  const rows = Array.from({length: values.length / classes}, (_, i) => i);
  return rows.filter(
    i => !values.subarray(i * classes, (i + 1) * classes).some(Number.isNaN),
  );
}

/** Whether none is negative and all rows have the same sum; rows of NaN aside. */
function likeProbabilities(rows: Rows): boolean {
  const own = answers(rows);
  if (own.length === 0) return false;
  const first = sumOf(rows, own[0]);
  if (!(first > 0)) return false;
  if (own.some(i => !(Math.abs(sumOf(rows, i) / first - 1) < TOLERANCE))) {
    return false;
  }
  return !rows.values.some(x => x < 0);
}

function sumOf({values, classes}: Rows, row: number): number {
  const own = values.subarray(row * classes, (row + 1) * classes);
  return own.reduce((a, b) => a + b, 0);
}

function isOneHot(rows: Rows): boolean {
  const sum = sumOf(rows, answers(rows)[0]);
  return rows.values.every(x => x === 0 || x === sum || Number.isNaN(x));
}

/** The row with the largest difference to the one given. */
function farthestFrom(one: number, rows: Rows): number {
  const {values, classes} = rows;
  const apart = new Float32Array(values.length / classes);
  for (const i of answers(rows)) {
    for (let k = 0; k < classes; k++) {
      const d = Math.abs(values[i * classes + k] - values[one * classes + k]);
      apart[i] = Math.max(apart[i], d);
    }
  }
  return apart.indexOf(Math.max(...apart));
}

/** Whether rows at equal distances from one another lie on a straight line. */
function isLinear(rows: Rows): boolean {
  const {values, classes} = rows;
  const last = values.length / classes - 1;
  const allowed = LINEAR * sumOf(rows, 0);
  return values.every((x, at) => {
    if (Number.isNaN(x)) return true;
    const [row, k] = [Math.floor(at / classes), at % classes];
    const [from, to] = [values[k], values[last * classes + k]];
    const expected = from + ((to - from) * row) / last;
    return Math.abs(x - expected) <= allowed;
  });
}

function isConstant(rows: Rows): boolean {
  const {values, classes} = rows;
  const [one, ...others] = answers(rows).map(i =>
    values.subarray(i * classes, (i + 1) * classes),
  );
  return others.every(row => row.every((x, k) => x === one[k]));
}

/** The class of each row; −1 where there is none. */
function classesOf({values, classes}: Rows): number[] {
  return Array.from({length: values.length / classes}, (_, i) => {
    const row = values.subarray(i * classes, (i + 1) * classes);
    return row.indexOf(Math.max(...row));
  });
}
