import {createHash} from 'node:crypto';
import {stat} from 'node:fs/promises';
import {join} from 'node:path';
import type {Split} from './cifar10_format.js';
import {type Idx, readIdx} from './idx.js';
import {ImageSet} from './images.js';

/** Options of {@link loadIdx}. */
export interface IdxOptions {
  /** Files that begin with `train` or with `t10k`. Default `'test'`. */
  split?: Split;
  /** Load only this many, from the first. Default all. */
  examples?: number;
  /** Default: the numbers of the classes. */
  classNames?: readonly string[];
}

/**
 * A data set in the files of MNIST, such as Fashion-MNIST or KMNIST, from a folder
 * of yours: `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`, or the two that
 * begin with `train`; each may be compressed and end in `.gz`.
 *
 * @throws one sentence if a file is missing, damaged or of something else.
 */
export async function loadIdx(
  folder: string,
  {split = 'test', examples, classNames}: IdxOptions = {},
): Promise<ImageSet> {
  const [images, labels] = await Promise.all(
    filesOf(split).map(async name => readIdx(await idxPath(folder, name))),
  );
  const classes = labels.data.reduce((a, b) => Math.max(a, b), 0) + 1;
  const numbers = Array.from({length: classes}, (_, i) => String(i));
  return setOf(images, labels, classNames ?? numbers, examples);
}

/** Where a file of this name is in a folder, as it is or compressed. */
export async function idxPath(folder: string, name: string): Promise<string> {
  const file = join(folder, name);
  return (await stat(file).catch(() => null)) ? file : `${file}.gz`;
}

/** The files of a part of a data set like MNIST. @throws Error for another part. */
export function filesOf(split: Split): [images: string, labels: string] {
  if (split !== 'train' && split !== 'test') {
    throw new Error(`split must be 'train' or 'test', but it is '${split}'.`);
  }
  const part = split === 'train' ? 'train' : 't10k';
  return [`${part}-images-idx3-ubyte`, `${part}-labels-idx1-ubyte`];
}

/** The first `examples` images of two files; all of them if it is not given. */
export function setOf(
  images: Idx,
  labels: Idx,
  classNames: readonly string[],
  examples: number | undefined,
): ImageSet {
  const [size, height, width, channels = 1] = images.shape;
  if (images.shape.length < 3 || labels.shape.length !== 1) {
    throw new Error('IDX: the images need three axes or four, the labels one.');
  }
  if (labels.shape[0] !== size) {
    throw new Error(
      `IDX: there are ${size} images, but ${labels.shape[0]} labels.`,
    );
  }
  if (
    examples !== undefined &&
    !(Number.isInteger(examples) && examples >= 1 && examples <= size)
  ) {
    throw new Error(
      `examples must be a whole number from 1 to ${size}, but it is ${examples}.`,
    );
  }
  const shape = [height, width, channels] as const;
  const set = new ImageSet(images.data, labels.data, shape, classNames);
  return set.slice(0, examples ?? size);
}

export function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
