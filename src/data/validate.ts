import * as tf from '@tensorflow/tfjs';
import {read, readAndDispose, type Reading, runSync} from '../ops/reading.js';

/** Rounding that images may leave [0, 1] by. */
const TOLERANCE = 1e-6;

/**
 * Throws unless `images` is a float32 tensor [N, H, W, C] with values in [0, 1].
 * The values are read back from the device.
 */
export function checkImages(images: tf.Tensor): asserts images is tf.Tensor4D {
  runSync(imageChecks(images));
}

/** {@link checkImages}, for functions that read synchronously or not. */
export function* imageChecks(images: tf.Tensor): Reading<void> {
  if (!(images instanceof tf.Tensor)) {
    throw new Error('Images must be a tensor of shape [N, H, W, C].');
  }
  if (images.rank !== 4) {
    throw new Error(
      `Images must have the shape [N, H, W, C], but have [${images.shape}].` +
        (images.rank === 3
          ? ' Use images.expandDims(0) for a single one.'
          : ''),
    );
  }
  if (images.shape[0] === 0) {
    throw new Error('There are no images: the batch is empty.');
  }
  if (images.dtype !== 'float32') {
    throw new Error(
      `Images must be float32 in [0, 1], but are ${images.dtype}. For pixels in 0 … 255: images.toFloat().div(255).`,
    );
  }
  const range = tf.tidy(() =>
    // The sum shows a NaN that min and max may pass over.
    tf.stack([tf.min(images), tf.max(images), tf.sum(images)]),
  );
  const [min, max, sum] = yield* readAndDispose(range);
  if (min >= -TOLERANCE && max <= 1 + TOLERANCE && !Number.isNaN(sum)) return;
  const hint = Number.isNaN(sum)
    ? 'contain NaN'
    : `span [${min.toPrecision(4)}, ${max.toPrecision(4)}]`;
  throw new Error(
    `Images must be in [0, 1], but ${hint}. ` +
      (Number.isNaN(sum)
        ? 'Look for a division by 0 or missing pixels where they are made.'
        : (max > 2
            ? 'Divide pixels in 0 … 255 by 255, '
            : 'Undo any normalization, ') +
          'and put preprocessing inside the model, where attacks see through it.'),
  );
}

/**
 * One-hot labels, float32 [N, classes], of labels given as class indices ([N] or
 * [N, 1]) or as rows of probabilities ([N, classes]), of which the likeliest
 * class counts.
 *
 * @throws Error for another shape, an index out of range or a row whose sum is
 *     not 1.
 */
export function oneHotLabels(
  labels: tf.Tensor,
  n: number,
  classes: number,
): tf.Tensor2D {
  const indices = runSync(labelIndices(labels, n, classes));
  return tf.tidy(
    () =>
      tf.cast(
        tf.oneHot(tf.tensor1d(indices, 'int32'), classes),
        'float32',
      ) as tf.Tensor2D,
  );
}

/**
 * The class index of each label, which are as {@link oneHotLabels} takes them;
 * for functions that read synchronously or not.
 */
export function* labelIndices(
  labels: tf.Tensor,
  n: number,
  classes: number,
): Reading<Int32Array> {
  if (!(labels instanceof tf.Tensor)) {
    throw new Error(
      'Labels must be a tensor of class indices [N] or one-hot rows [N, classes]' +
        (Array.isArray(labels) || ArrayBuffer.isView(labels)
          ? ": write tf.tensor1d(labels, 'int32') for an array of class indices."
          : '.'),
    );
  }
  const [count, width] = labels.shape;
  const indices = labels.rank === 1 || (labels.rank === 2 && width === 1);
  if (count !== n || labels.rank > 2 || (!indices && width !== classes)) {
    throw new Error(
      `Labels must have the shape [${n}] (class indices) or [${n}, ${classes}] (one-hot), but have [${labels.shape}].`,
    );
  }
  const values = yield* read(labels);
  if (!indices) return likeliest(values, classes);
  const bad = values.findIndex(
    (v: number) => !(Number.isInteger(v) && v >= 0 && v < classes),
  );
  if (bad >= 0) {
    throw new Error(
      `Labels must be whole numbers from 0 to ${classes - 1}, but label ${bad} is ${values[bad]}.`,
    );
  }
  return Int32Array.from(values);
}

/** The likeliest class of each row, the first of several. */
function likeliest(values: ArrayLike<number>, classes: number): Int32Array {
  const indices = new Int32Array(values.length / classes);
  for (let i = 0; i < indices.length; i++) {
    let sum = 0;
    let best = 0;
    for (let k = 0; k < classes; k++) {
      const value = values[i * classes + k];
      if (value < 0) {
        throw new Error(
          `One-hot labels must not be negative, but contain ${value}.`,
        );
      }
      sum += value;
      if (value > values[i * classes + best]) best = k;
    }
    if (!(Math.abs(sum - 1) < 1e-3)) {
      throw new Error(
        `Rows of one-hot labels must sum to 1, but row ${i} sums to ${sum}.`,
      );
    }
    indices[i] = best;
  }
  return indices;
}
