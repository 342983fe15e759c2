import {stat} from 'node:fs/promises';
import {cacheDirectory} from '../io/cache.js';
import type {Split} from './cifar10_format.js';
import {parseIdx, readUnpacked} from './idx.js';
import {filesOf, idxPath, setOf, sha256} from './idx_set.js';
import type {ImageSet} from './images.js';

/** Where Debian's package dataset-fashion-mnist puts the files. */
const DEBIAN = '/usr/share/datasets/fashion-mnist';

/** Class names of Fashion-MNIST, by label. */
export const FASHION_MNIST_CLASSES: readonly string[] = [
  't-shirt/top',
  'trouser',
  'pullover',
  'dress',
  'coat',
  'sandal',
  'shirt',
  'sneaker',
  'bag',
  'ankle boot',
];

/** SHA-256 of each file, unpacked. */
const SHA256: Readonly<Record<string, string>> = {
  't10k-images-idx3-ubyte':
    '5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b',
  't10k-labels-idx1-ubyte':
    '0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34',
  'train-images-idx3-ubyte':
    'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888',
  'train-labels-idx1-ubyte':
    'bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9',
};

/** Options of {@link loadFashionMnist}. */
export interface FashionMnistOptions {
  /** The 60,000 training or the 10,000 test images. Default `'test'`. */
  split?: Split;
  /** Load only this many, from the first. Default all. */
  examples?: number;
  /**
   * A folder with the four files of the data set, each as it is or compressed
   * (`.gz`). Default: that of Debian's package dataset-fashion-mnist, else
   * `fashion-mnist` in the cache.
   */
  folder?: string;
  /** The cache, as in {@link Cifar10Options}. */
  cache?: string;
}

/**
 * Fashion-MNIST (Xiao et al. 2017): 28 × 28 gray images of ten kinds of clothes.
 * No package registry of npm or Python has it: install Debian's package, or
 * download the four files. They are checked against known SHA-256 sums.
 *
 * @throws one sentence: an option out of range, no such files, files that hold
 *     something else.
 */
export async function loadFashionMnist(
  options: FashionMnistOptions = {},
): Promise<ImageSet> {
  const {split = 'test', examples} = options;
  const names = filesOf(split);
  const folder = options.folder ?? (await findFolder(names[0], options.cache));
  const [images, labels] = await Promise.all(
    names.map(async name => {
      const file = await idxPath(folder, name);
      const data = await readUnpacked(file);
      if (sha256(data) !== SHA256[name]) {
        throw new Error(
          `${file} is not the ${name} of Fashion-MNIST: its SHA-256 is another. loadIdx reads data sets in the same format.`,
        );
      }
      return parseIdx(data, file);
    }),
  );
  return setOf(images, labels, FASHION_MNIST_CLASSES, examples);
}

async function findFolder(name: string, cache?: string): Promise<string> {
  const own = cacheDirectory('fashion-mnist', cache);
  for (const folder of [DEBIAN, own]) {
    const file = await idxPath(folder, name);
    if (await stat(file).catch(() => null)) return folder;
  }
  throw new Error(
    `Fashion-MNIST is neither in ${DEBIAN} (apt-get install dataset-fashion-mnist) nor in ${own}: install it, put its four files there, or name their folder.`,
  );
}
