// What `tfjs-adversarial/node` is to the code blocks of the documents: the
// package, with few images and without downloads.
import * as tf from '@tensorflow/tfjs';
import {ImageFolder} from '../../../src/node.js';
import type * as library from '../../../src/node.js';
import {cifar10Strip} from '../../helpers/strip.js';

export * from '../../../src/node.js';

/** Images of a data set, at most. */
export const EXAMPLES = 4;

/** The first images of CIFAR-10's test set, from this repository, for either split. */
export const loadCifar10: typeof library.loadCifar10 = async ({
  examples = EXAMPLES,
} = {}) => cifar10Strip().slice(0, Math.min(examples, EXAMPLES));

/** Kernels of AlexNet's convolutions, with few channels. */
const KERNELS: Array<[number, number, number, number]> = [
  [11, 11, 3, 4],
  [5, 5, 4, 4],
  [3, 3, 4, 4],
  [3, 3, 4, 4],
  [3, 3, 4, 4],
];

/** Random weights of a narrow AlexNet: the true ones are a download, and slow on `cpu`. */
export const loadLpips: typeof library.loadLpips = async () => ({
  network: 'alex',
  convolutions: KERNELS.map(shape => ({
    kernel: tf.randomNormal<tf.Rank.R4>(shape, 0, 0.1),
    bias: tf.zeros<tf.Rank.R1>([shape[3]]),
  })),
  linear: KERNELS.map(shape => tf.ones<tf.Rank.R4>([1, 1, 1, shape[3]])),
});

/** The same images, as if they were pictures of a folder. */
export const imageFolder: typeof library.imageFolder = async () => {
  const {images, labels, shape, classNames} = await loadCifar10();
  const files = Array.from(labels, (_, i) => `pictures/${i}.png`);
  return new ImageFolder(
    images,
    Uint16Array.from(labels),
    shape,
    classNames,
    ...([files, [], 0] as const),
  );
};

/** Images of a size of their own. */
export const loadIdx: typeof library.loadIdx = async () => loadCifar10();
