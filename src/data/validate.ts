import * as tf from '@tensorflow/tfjs';

/** Rounding that images may leave [0, 1] by. */
const TOLERANCE = 1e-6;

/**
 * Throws unless `images` is a float32 tensor [N, H, W, C] with values in [0, 1].
 * The values are read back from the device.
 */
export function checkImages(images: tf.Tensor): asserts images is tf.Tensor4D {
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
  const [min, max, sum] = tf.tidy(() =>
    tf
      // The sum shows a NaN that min and max may pass over.
      .stack([tf.min(images), tf.max(images), tf.sum(images)])
      .dataSync(),
  );
  if (min >= -TOLERANCE && max <= 1 + TOLERANCE && !Number.isNaN(sum)) return;
  const hint = Number.isNaN(sum)
    ? 'contain NaN'
    : `span [${min.toPrecision(4)}, ${max.toPrecision(4)}]`;
  throw new Error(
    `Images must be in [0, 1], but ${hint}. ` +
      (max > 2
        ? 'Divide pixels in 0 … 255 by 255, '
        : 'Undo any normalization, ') +
      'and put preprocessing inside the model, where attacks see through it.',
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
  if (!(labels instanceof tf.Tensor)) {
    throw new Error(
      'Labels must be a tensor of class indices [N] or one-hot rows [N, classes].',
    );
  }
  const [count, width] = labels.shape;
  const indices = labels.rank === 1 || (labels.rank === 2 && width === 1);
  if (count !== n || labels.rank > 2 || (!indices && width !== classes)) {
    throw new Error(
      `Labels must have the shape [${n}] (class indices) or [${n}, ${classes}] (one-hot), but have [${labels.shape}].`,
    );
  }
  return tf.tidy(() => {
    if (indices) {
      const values = labels.dataSync();
      const bad = values.findIndex(
        v => !(Number.isInteger(v) && v >= 0 && v < classes),
      );
      if (bad >= 0) {
        throw new Error(
          `Labels must be whole numbers from 0 to ${classes - 1}, but label ${bad} is ${values[bad]}.`,
        );
      }
      return toOneHot(tf.tensor1d(Int32Array.from(values), 'int32'), classes);
    }
    const rows = tf.cast(labels, 'float32');
    const sums = tf.sum(rows, 1).dataSync();
    const low = tf.min(rows).dataSync()[0];
    const bad = sums.findIndex(s => !(Math.abs(s - 1) < 1e-3));
    if (bad >= 0 || low < 0) {
      throw new Error(
        bad >= 0
          ? `Rows of one-hot labels must sum to 1, but row ${bad} sums to ${sums[bad]}.`
          : `One-hot labels must not be negative, but contain ${low}.`,
      );
    }
    return toOneHot(tf.argMax(rows, 1) as tf.Tensor1D, classes);
  });
}

function toOneHot(indices: tf.Tensor1D, classes: number): tf.Tensor2D {
  return tf.cast(tf.oneHot(indices, classes), 'float32') as tf.Tensor2D;
}
