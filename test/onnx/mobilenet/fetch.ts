import * as tf from '@tensorflow/tfjs';
import {createHash} from 'node:crypto';
import {mkdirSync, readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {join} from 'node:path';
import {PNG} from 'pngjs';
import {extract} from 'tar';
import {cacheDirectory} from '../../../src/io/cache.js';
import {fetchNpm} from '../../../src/io/npm.js';
import {fetchPypi} from '../../../src/io/pypi.js';
import {readZipMembers} from '../../../src/io/zip.js';

/** What is used of nsfwjs, a package with its own trained MobileNets. */
export interface Nsfwjs {
  load(name: string): Promise<{
    model: tf.LayersModel | tf.GraphModel;
    classify(
      image: tf.Tensor3D,
    ): Promise<{className: string; probability: number}[]>;
  }>;
}

const NSFWJS = {
  spec: 'nsfwjs@4.4.0',
  file: 'nsfwjs-4.4.0.tgz',
  size: '25 MB',
  sha512:
    '92b0b57e07932d7b59c20769289d239bb86abf481349141044bf8584e6b1689f568fddade3604eddcb0eda87708130206607f646f9303eda7447c01aedd73e30',
};

/**
 * nsfwjs as it is in the npm registry.
 * @param folder where it is unpacked, inside this repository: it then finds this
 *     repository's tfjs
 */
export async function loadNsfwjs(folder: string): Promise<Nsfwjs> {
  const file = await fetchNpm(NSFWJS, cacheDirectory('npm'), true);
  const hash = createHash('sha512').update(readFileSync(file)).digest('hex');
  if (hash !== NSFWJS.sha512) {
    throw new Error(`${file} differs from its checksum; remove it.`);
  }
  mkdirSync(folder, {recursive: true});
  await extract({file, cwd: folder});
  const require = createRequire(import.meta.url);
  return require(join(folder, 'package/dist/cjs/index.js')) as Nsfwjs;
}

const SCIKIT_IMAGE = {
  requirement: 'scikit-image==0.22.0',
  sha256: 'c5c378db54e61b491b9edeefff87e49fcf7fdf729bb93c777d7a5f15d36f743e',
  size: '14 MB',
  platform: {python: '3.11', name: 'manylinux_2_17_x86_64'},
};

/** A person, a cat and a cup of coffee, from scikit-image's examples. */
export async function photographs(): Promise<PNG[]> {
  const wheel = await fetchPypi(SCIKIT_IMAGE);
  const names = ['astronaut', 'chelsea', 'coffee'].map(
    name => `skimage/data/${name}.png`,
  );
  const members = Object.fromEntries(names.map(name => [name, 1e6]));
  const files = await readZipMembers(wheel!, members);
  return names.map(name => PNG.sync.read(files.get(name)!));
}

/** [height, width, 3], whole numbers in [0, 255]. */
export function toTensor({data, width, height}: PNG): tf.Tensor3D {
  return tf.tidy(() =>
    tf.slice(
      tf.tensor3d(new Uint8Array(data), [height, width, 4], 'int32'),
      [0, 0, 0],
      [-1, -1, 3],
    ),
  );
}
