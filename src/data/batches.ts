import * as tf from '@tensorflow/tfjs';
import {
  checkAugmentation,
  drawPlacement,
  placeImage,
  type Augmentation,
} from './augment.js';
import {bytesToUnit, oneHot, type ImageSet} from './images.js';
import {permutation, randomStream} from './random.js';

/** How a set of images is cut into batches. */
export interface BatchOptions {
  /** Images in a batch. Default 128. */
  batchSize?: number;
  /** A new random order in every epoch. Default true. */
  shuffle?: boolean;
  /** Chooses the orders and the augmentation. Default 0. */
  seed?: number;
  /** The epoch, from 0: each has its own order and augmentation. Default 0. */
  epoch?: number;
  /** The first batch given, from 0: where an interrupted epoch goes on. */
  startBatch?: number;
  /** Flips and crops; true for the usual ones. Default false. */
  augment?: boolean | Augmentation;
  /** Leave out a last batch that is not full. Default false. */
  dropRemainder?: boolean;
  /** One-hot float32 `[N, classes]` or class indices int32 `[N]`. */
  labels?: 'oneHot' | 'index';
}

/** Tensors that the receiver disposes of. */
export interface Batch {
  /** `[N, height, width, channels]`, float32 in [0, 1]. */
  xs: tf.Tensor4D;
  /** One-hot labels, or class indices. */
  ys: tf.Tensor2D | tf.Tensor1D;
}

/** Streams of random numbers that must not coincide. */
const ORDER = 0;
const PLACEMENT = 1;

/** Number of batches in an epoch. */
export function batchesPerEpoch(set: ImageSet, options: BatchOptions): number {
  const {batchSize = 128, dropRemainder = false} = options;
  const batches = set.size / batchSize;
  return dropRemainder ? Math.floor(batches) : Math.ceil(batches);
}

/**
 * The batches of one epoch. Everything random follows from `seed`, `epoch` and
 * the image's place in the set, so any batch of any epoch can be had again
 * without what came before it.
 *
 * @throws when an option is out of its range.
 */
export function batches(
  set: ImageSet,
  options: BatchOptions = {},
): Generator<Batch, void, undefined> {
  check(options);
  return generate(set, options);
}

function* generate(set: ImageSet, options: BatchOptions) {
  const {batchSize = 128, shuffle = true, seed = 0, epoch = 0} = options;
  const order = shuffle
    ? permutation(set.size, randomStream(seed, ORDER, epoch))
    : Uint32Array.from({length: set.size}, (_, i) => i);
  const end = batchesPerEpoch(set, options);
  for (let i = options.startBatch ?? 0; i < end; i++) {
    const indices = order.subarray(i * batchSize, (i + 1) * batchSize);
    yield gather(set, indices, options);
  }
}

/**
 * A `tf.data.Dataset` for `model.fitDataset`. Its first pass is epoch
 * `options.epoch`, every later one the next, so a run that starts again at
 * epoch e (with `initialEpoch: e` for fitDataset) sees what it would have
 * seen. `startBatch` counts for the first pass only.
 *
 * @throws when an option is out of its range.
 */
export function imageDataset(
  set: ImageSet,
  options: BatchOptions = {},
): tf.data.Dataset<{xs: tf.Tensor4D; ys: tf.Tensor}> {
  check(options);
  let pass = 0;
  // fitDataset asks for two iterators before its first epoch and reads from
  // the second alone: passes are counted when the first batch is drawn.
  const dataset = tf.data.generator(function* () {
    const startBatch = pass === 0 ? options.startBatch : 0;
    const epoch = (options.epoch ?? 0) + pass++;
    yield* generate(set, {...options, epoch, startBatch});
    // The types of tf.data know generators of numbers only.
  } as unknown as () => Generator<never>);
  return Object.assign(
    dataset as unknown as tf.data.Dataset<{xs: tf.Tensor4D; ys: tf.Tensor}>,
    {size: batchesPerEpoch(set, options)},
  );
}

function gather(
  set: ImageSet,
  indices: Uint32Array,
  {seed = 0, epoch = 0, augment = false, labels = 'oneHot'}: BatchOptions,
): Batch {
  const augmentation = augment === true ? {} : augment;
  const size = set.imageSize;
  const bytes = new Uint8Array(indices.length * size);
  indices.forEach((index, i) => {
    const from = index * size;
    if (augmentation) {
      const random = [seed, PLACEMENT, epoch, index];
      const placement = drawPlacement(augmentation, ...random);
      placeImage(set.images, from, bytes, i * size, set.shape, placement);
    } else {
      bytes.set(set.images.subarray(from, from + size), i * size);
    }
  });
  const classes = Int32Array.from(indices, index => set.labels[index]);
  return {
    xs: tf.tensor4d(bytesToUnit(bytes), [indices.length, ...set.shape]),
    ys:
      labels === 'oneHot'
        ? oneHot(classes, set.classNames.length)
        : tf.tensor1d(classes, 'int32'),
  };
}

function check(options: BatchOptions): void {
  const {batchSize = 128, seed = 0, epoch = 0, startBatch = 0} = options;
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new Error(
      `batchSize must be a whole number, 1 or more, but it is ${batchSize}.`,
    );
  }
  for (const [name, value] of Object.entries({seed, epoch, startBatch})) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new Error(
        `${name} must be a whole number, 0 or more, but it is ${value}.`,
      );
    }
  }
  if (typeof options.augment === 'object') checkAugmentation(options.augment);
  if (!['oneHot', 'index', undefined].includes(options.labels)) {
    throw new Error(
      `labels must be 'oneHot' or 'index', but it is '${options.labels}'.`,
    );
  }
}
