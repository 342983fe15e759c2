import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {ImageSet} from '../../src/index.js';
import {readRegularFile} from '../../src/io/cache.js';
import type {EvaluationUnit} from './evaluation_unit.js';
import type {Job} from './run_jobs.js';
import {dataDigest} from './unit.js';

/** The images of a unit as one piece of data, whose SHA-256 is the unit's `data`: the pixels, then the labels. */
export function packImages({images, labels}: ImageSet): Buffer {
  const {buffer, byteOffset, byteLength} = labels;
  return Buffer.concat([
    images,
    new Uint8Array(buffer, byteOffset, byteLength),
  ]);
}

type Shape = Pick<EvaluationUnit, 'shape' | 'classes' | 'begin' | 'end'>;

/** @throws Error with one sentence if these are not so many images of the shape. */
export function unpackImages(
  data: Uint8Array,
  {shape, classes, begin, end}: Shape,
): ImageSet {
  const size = end - begin;
  const pixels = size * shape[0] * shape[1] * shape[2];
  const left = data.subarray(pixels);
  // A label has one byte or two.
  const labels =
    left.length === 2 * size
      ? new Uint16Array(new Uint8Array(left).buffer)
      : left;
  const names = Array.from({length: classes}, (_, i) => String(i));
  return new ImageSet(data.subarray(0, pixels), labels, shape, names);
}

export async function readImages(file: string, unit: Shape): Promise<ImageSet> {
  return unpackImages(await readRegularFile(file), unit);
}

/** Files through which the processes of this machine get images that they cannot load themselves. */
export function imageFiles() {
  let folder: Promise<string> | undefined;
  const written = new Map<string, Promise<string>>();
  const write = async (digest: string, images: ImageSet) => {
    folder ??= mkdtemp(join(tmpdir(), 'tfjs-adversarial-images-'));
    const file = join(await folder, digest);
    await writeFile(file, packImages(images));
    return file;
  };
  return {
    /** The file of a job's images; attacks on the same examples share it. */
    of({images}: Job): Promise<string> | undefined {
      if (!images) return undefined;
      const digest = dataDigest(images);
      const file = written.get(digest) ?? write(digest, images);
      written.set(digest, file);
      return file;
    },
    async remove(): Promise<void> {
      if (folder) await rm(await folder, {recursive: true, force: true});
    },
  };
}
