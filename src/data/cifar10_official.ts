import {join} from 'node:path';
import {stat} from 'node:fs/promises';
import {readTarGz} from '../io/tar_gz.js';
import {RECORDS, type Decoded} from './cifar10_format.js';
import {download} from '../io/download.js';
import {progressBar} from '../io/progress.js';

/** Where the authors of CIFAR-10 publish it (the binary version). */
const OFFICIAL_URL = 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz';

/** Its name in the cache. */
export const OFFICIAL_FILE = 'cifar-10-binary.tar.gz';

const PIXELS = 32 * 32;
const RECORD = 1 + 3 * PIXELS;
const FOLDER = 'cifar-10-batches-bin';

/** Downloads the archive into `folder`, unless it is there; gives its path. */
export async function fetchOfficial(
  folder: string,
  show: boolean,
  url = OFFICIAL_URL,
): Promise<string> {
  const file = join(folder, OFFICIAL_FILE);
  if (await stat(file).catch(() => null)) return file;
  const bar = progressBar('Downloading CIFAR-10', 1, show);
  try {
    await download(url, file, {
      maxBytes: 400e6,
      onProgress: (received, total) => bar.update(received / total),
    });
  } finally {
    bar.stop();
  }
  return file;
}

/**
 * Reads the archive. Each record is a label byte and three planes of 32 × 32
 * bytes, red, green and blue.
 */
export async function readOfficial(
  file: string,
  batch = RECORDS.test,
): Promise<Decoded> {
  const files = [1, 2, 3, 4, 5].map(i => `${FOLDER}/data_batch_${i}.bin`);
  const names = [...files, `${FOLDER}/test_batch.bin`];
  const size = batch * RECORD;
  const decoded: Decoded = {
    train: Buffer.alloc(5 * size),
    test: Buffer.alloc(size),
  };
  await readTarGz(
    file,
    Object.fromEntries(names.map(name => [name, size])),
    (name, data) => {
      if (data.length !== size) {
        throw new Error(`${name} has ${data.length} bytes, not ${size}`);
      }
      const i = files.indexOf(name);
      if (i < 0) interleave(data, decoded.test, 0);
      else interleave(data, decoded.train, i * batch);
    },
  );
  return decoded;
}

/** Puts a file's records into `target`, whose labels come before all images. */
function interleave(data: Buffer, target: Uint8Array, first: number): void {
  const images = target.length / RECORD;
  for (let i = 0; i * RECORD < data.length; i++) {
    const record = data.subarray(i * RECORD, (i + 1) * RECORD);
    target[first + i] = record[0];
    const to = images + (first + i) * 3 * PIXELS;
    for (let pixel = 0; pixel < PIXELS; pixel++) {
      for (let c = 0; c < 3; c++) {
        target[to + 3 * pixel + c] = record[1 + c * PIXELS + pixel];
      }
    }
  }
}
