import * as tf from '@tensorflow/tfjs';
import type {DatasetBatch} from '../data/dataset_batch.js';
import {ImageSet} from '../data/images.js';

/**
 * Labeled images to evaluate on: tensors, a set of images, or a batched dataset
 * of `{xs, ys}`. Images are [N, H, W, C] in [0, 1], labels class indices or
 * one-hot.
 *
 * A dataset is read once, before the first search, so that all attacks see the
 * same examples in the same order, however it is shuffled; its images are kept
 * in memory as float32.
 */
export type Examples =
  | {images: tf.Tensor4D; labels: tf.Tensor1D | tf.Tensor2D}
  | ImageSet
  | tf.data.Dataset<tf.TensorContainer>;

const FORMS =
  'Examples are {images, labels} with tensors, an ImageSet, or a batched tf.data dataset of {xs, ys}';

/** @throws Error if these are no examples, or there are none. */
export function checkExamples(data: Examples): void {
  if (data instanceof ImageSet) {
    if (data.size === 0)
      throw new Error('There are no examples: the image set is empty.');
    return;
  }
  if (isDataset(data)) {
    if (data.size === Infinity) {
      throw new Error(
        'The dataset repeats without an end: put take(n) behind repeat().',
      );
    }
    return;
  }
  const given = (data ?? {}) as Record<string, unknown>;
  if (given.images !== undefined && given.labels !== undefined) return;
  const keys = typeof data === 'object' && data ? Object.keys(data) : [];
  throw new Error(
    `${FORMS}, but ${keys.length ? `an object of ${keys.slice(0, 4).join(', ')}` : String(data)} was given.` +
      ('xs' in given && 'ys' in given
        ? ' Write {images: xs, labels: ys}.'
        : ''),
  );
}

/** Whether this is a tf.data dataset, of whatever copy of tfjs. */
export function isDataset(
  data: Examples,
): data is tf.data.Dataset<tf.TensorContainer> {
  return typeof (data as {iterator?: unknown} | null)?.iterator === 'function';
}

/** The batches of a dataset, whose tensors are the caller's to dispose. */
export async function* datasetBatches(
  dataset: tf.data.Dataset<tf.TensorContainer>,
): AsyncGenerator<DatasetBatch> {
  const iterator = await dataset.iterator();
  for (;;) {
    const {value, done} = await iterator.next();
    if (done) return;
    const batch = value as unknown as Partial<DatasetBatch> | null;
    if (batch?.xs !== undefined && batch.ys !== undefined) {
      if (batch.xs.rank === 3) {
        tf.dispose(value);
        throw new Error(
          `The dataset must be batched, but gives single images [${batch.xs.shape}]: use dataset.batch(50).`,
        );
      }
      yield batch as DatasetBatch;
      continue;
    }
    tf.dispose(value);
    throw new Error(
      'The dataset must give objects {xs: images, ys: labels}, as tf.data.zip({xs, ys}) does.',
    );
  }
}
