import * as tf from '@tensorflow/tfjs';
import type {DatasetBatch} from '../data/dataset_batch.js';
import {ImageSet} from '../data/images.js';

/**
 * Labeled images to evaluate on: tensors, a set of images, or a batched dataset
 * of `{xs, ys}`. Images are [N, H, W, C] in [0, 1], labels class indices or
 * one-hot.
 */
export type Examples =
  | {images: tf.Tensor4D; labels: tf.Tensor1D | tf.Tensor2D}
  | ImageSet
  | tf.data.Dataset<tf.TensorContainer>;

/** How many examples there are, where that is known. */
export function countExamples(data: Examples): number | undefined {
  if (data instanceof ImageSet) return data.size;
  return 'images' in data ? data.images.shape[0] : undefined;
}

/** The examples in batches; whoever takes a batch disposes of it. A dataset has its own batch size. */
export async function* exampleBatches(
  data: Examples,
  batchSize: number,
): AsyncGenerator<DatasetBatch> {
  if (data instanceof ImageSet) {
    for (let i = 0; i < data.size; i += batchSize) {
      const end = Math.min(i + batchSize, data.size);
      yield {xs: data.tensor(i, end), ys: data.labelTensor(i, end)};
    }
  } else if ('images' in data) {
    const {images, labels} = data;
    const n = images.shape[0];
    if (labels.shape[0] !== n) {
      throw new Error(
        `There are ${n} images but ${labels.shape[0]} labels; there must be one for each.`,
      );
    }
    for (let i = 0; i < n; i += batchSize) {
      const size = Math.min(batchSize, n - i);
      yield {
        xs: tf.slice(images, i, size),
        ys: tf.slice(labels as tf.Tensor1D, i, size),
      };
    }
  } else {
    const iterator = await data.iterator();
    for (;;) {
      const {value, done} = await iterator.next();
      if (done) return;
      yield value as unknown as DatasetBatch;
    }
  }
}
