import * as tf from '@tensorflow/tfjs';
import {PNG} from 'pngjs';
import {
  fetchPypi,
  type PypiFile,
  type PypiOptions,
} from '../../../src/io/pypi.js';
import {readZipMembers} from '../../../src/io/zip.js';

const WHEEL: PypiFile = {
  requirement: 'scikit-image==0.26.0',
  sha256: '74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af',
  size: '14 MB',
  platform: {python: '3.11', name: 'manylinux_2_28_x86_64'},
};

const NAMES = ['chelsea', 'coffee'];

/**
 * Photographs that scikit-image's wheel ships (a cat, a cup of coffee): the
 * square in the middle of each, as `[N, size, size, 3]` in [0, 1].
 *
 * @returns null if they are not in the cache and `download` is false.
 */
export async function loadPhotographs(
  size: number,
  options: PypiOptions = {},
): Promise<tf.Tensor4D | null> {
  const wheel = await fetchPypi(WHEEL, options);
  if (!wheel) return null;
  const paths = NAMES.map(name => `skimage/data/${name}.png`);
  const members = await readZipMembers(
    wheel,
    Object.fromEntries(paths.map(path => [path, 1e6])),
  );
  return tf.tidy(
    () =>
      tf.stack(
        paths.map(path => {
          const {data, width, height} = PNG.sync.read(members.get(path)!);
          const pixels = tf.tensor3d(new Uint8Array(data), [height, width, 4]);
          return squareOf(tf.div(pixels, 255), size);
        }),
      ) as tf.Tensor4D,
  );
}

/** The middle square of [H, W, 3 or more], scaled by averaging areas: [size, size, 3]. */
export function squareOf(image: tf.Tensor3D, size: number): tf.Tensor3D {
  return tf.tidy(() => {
    const [height, width] = image.shape;
    const side = Math.min(height, width);
    const top = Math.floor((height - side) / 2);
    const left = Math.floor((width - side) / 2);
    const square = tf.slice(image, [top, left, 0], [side, side, 3]);
    const average = areas(side, size);
    const rows = tf.matMul(average, square.reshape([side, side * 3]));
    const columns = rows.reshape([size, side, 3]).transpose([1, 0, 2]);
    const both = tf.matMul(average, columns.reshape([side, size * 3]));
    // Sums of shares may be above 1 by a rounding.
    return tf.clipByValue<tf.Tensor3D>(
      both
        .reshape<tf.Tensor3D>([size, size, 3])
        .transpose<tf.Tensor3D>([1, 0, 2]),
      0,
      1,
    );
  });
}

/** [to, from]: the share that each old pixel has in each new one. */
function areas(from: number, to: number): tf.Tensor2D {
  const scale = from / to;
  const share = (i: number, j: number) =>
    Math.max(0, Math.min(j + 1, (i + 1) * scale) - Math.max(j, i * scale));
  const values = Array.from({length: to}, (_, i) =>
    Array.from({length: from}, (_, j) => share(i, j) / scale),
  );
  return tf.tensor2d(values);
}
