import * as tf from '@tensorflow/tfjs';
import {bytesToUnit, ImageSet} from '../data/images.js';
import {imageChecks, labelIndices} from '../data/validate.js';
import {inspectClassifier} from '../models/inspect.js';
import type {Classifier} from '../models/logits.js';
import {breathe} from '../ops/event_loop.js';
import {runAsync} from '../ops/reading.js';
import {
  checkExamples,
  datasetBatches,
  type Examples,
  isDataset,
} from './examples.js';

/** Examples that have all been checked, and are the same ones at every read. */
export interface LoadedExamples {
  /** How many there are. */
  size: number;
  /** Height, width and channels of each image. */
  imageShape: [number, number, number];
  /** How many classes the classifier tells apart. */
  classes: number;
  /** The class index of each. */
  labels: Int32Array;
  /** Whether the classifier gives the same image other logits each time. */
  randomized: boolean;
  /** The images from `begin` to `end` (exclusive), as a new tensor. */
  tensor(begin: number, end: number): tf.Tensor4D;
  /** The same on the host, row after row. */
  pixels(begin: number, end: number): Promise<Float32Array>;
}

/** Milliseconds of reading after which a dataset without a known size may have no end. */
const LONG = 30_000;

/**
 * Checks all images and labels, whose number and size it finds out, and the
 * classifier with them.
 *
 * @param signal Ends the reading of a dataset, of which the examples so far remain.
 * @throws Error for the first thing that is not as it must be.
 */
export async function loadExamples(
  data: Examples | LoadedExamples,
  classifier: Classifier,
  signal?: AbortSignal,
): Promise<LoadedExamples> {
  if (isLoaded(data)) return data;
  checkExamples(data);
  if (data instanceof ImageSet) return fromImageSet(data, classifier);
  if (isDataset(data)) return fromDataset(data, classifier, signal);
  const {images, labels} = data;
  await runAsync(imageChecks(images));
  const {classes, randomized} = await runAsync(
    inspectClassifier(classifier, images),
  );
  const size = images.shape[0];
  const tensor = (begin: number, end: number) =>
    tf.slice(images, begin, end - begin);
  return {
    size,
    imageShape: images.shape.slice(1) as LoadedExamples['imageShape'],
    classes,
    labels: await runAsync(labelIndices(labels, size, classes)),
    randomized,
    tensor,
    pixels: (begin, end) => valuesOf(tensor(begin, end)),
  };
}

function isLoaded(data: Examples | LoadedExamples): data is LoadedExamples {
  return typeof (data as {pixels?: unknown} | null)?.pixels === 'function';
}

async function fromImageSet(
  set: ImageSet,
  classifier: Classifier,
): Promise<LoadedExamples> {
  const few = set.tensor(0, Math.min(set.size, 8));
  try {
    const {classes, randomized} = await runAsync(
      inspectClassifier(classifier, few),
    );
    const labels = Int32Array.from(set.labels);
    const wrong = labels.findIndex(label => label >= classes);
    if (wrong >= 0) {
      throw new Error(
        `Labels must be whole numbers from 0 to ${classes - 1}, but label ${wrong} is ${labels[wrong]}.`,
      );
    }
    const {imageSize} = set;
    return {
      size: set.size,
      imageShape: [...set.shape],
      classes,
      labels,
      randomized,
      tensor: (begin, end) => set.tensor(begin, end),
      pixels: async (begin, end) =>
        bytesToUnit(set.images.subarray(begin * imageSize, end * imageSize)),
    };
  } finally {
    few.dispose();
  }
}

async function fromDataset(
  dataset: tf.data.Dataset<tf.TensorContainer>,
  classifier: Classifier,
  signal: AbortSignal | undefined,
): Promise<LoadedExamples> {
  let shape: LoadedExamples['imageShape'] | undefined;
  let inspection = {classes: 0, randomized: false};
  let noteAt = performance.now() + LONG;
  const parts: Float32Array[] = [];
  const labels: number[] = [];
  for await (const batch of datasetBatches(dataset)) {
    const {xs, ys} = batch;
    try {
      await runAsync(imageChecks(xs));
      const own = xs.shape.slice(1) as LoadedExamples['imageShape'];
      if (!shape) {
        shape = own;
        inspection = await runAsync(inspectClassifier(classifier, xs));
      }
      if (own.join() !== shape.join()) {
        throw new Error(
          `All images of a dataset must have one size, but there are [${shape}] and [${own}].`,
        );
      }
      const n = xs.shape[0];
      labels.push(...(await runAsync(labelIndices(ys, n, inspection.classes))));
      parts.push((await xs.data()) as Float32Array);
    } finally {
      tf.dispose(batch as unknown as tf.TensorContainer);
    }
    // Some datasets never wait for anything: timers and signals would not either.
    await breathe();
    if (signal?.aborted) break;
    if (performance.now() > noteAt) {
      noteAt = Infinity;
      console.warn(
        `tfjs-adversarial: the dataset has given ${labels.length} examples so far and goes on. If it repeats without an end, put take(n) behind repeat().`,
      );
    }
  }
  if (!shape) throw new Error('There are no examples: the dataset is empty.');
  const imageShape = shape;
  const length = imageShape[0] * imageShape[1] * imageShape[2];
  const images = parts.flatMap(part =>
    Array.from({length: part.length / length}, (_, i) =>
      part.subarray(i * length, (i + 1) * length),
    ),
  );
  const pixels = (begin: number, end: number) => {
    const values = new Float32Array((end - begin) * length);
    images
      .slice(begin, end)
      .forEach((image, i) => values.set(image, i * length));
    return values;
  };
  return {
    size: images.length,
    imageShape,
    ...inspection,
    labels: Int32Array.from(labels),
    tensor: (begin, end) =>
      tf.tensor4d(pixels(begin, end), [end - begin, ...imageShape]),
    pixels: async (begin, end) => pixels(begin, end),
  };
}

async function valuesOf(t: tf.Tensor): Promise<Float32Array> {
  try {
    return (await t.data()) as Float32Array;
  } finally {
    t.dispose();
  }
}
