import {createHash} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {PNG} from 'pngjs';
import {CIFAR10_CLASSES} from '../../src/data/cifar10_format.js';
import {ImageSet} from '../../src/data/images.js';

const file = (name: string) => new URL(`../assets/${name}`, import.meta.url);
let strip: ImageSet | undefined;

/**
 * The first 100 images of the CIFAR-10 test set from the repository's own
 * picture: `.tensor(begin, end)` float32 in [0, 1], `.labelTensor(…)`,
 * `.oneHot(…)`.
 */
export function cifar10Strip(): ImageSet {
  strip ??= read();
  return strip;
}

function read(): ImageSet {
  const {labels, sha256} = JSON.parse(
    readFileSync(file('cifar10-test-100.json'), 'utf8'),
  ) as {labels: number[]; sha256: string};
  const {data, width} = PNG.sync.read(
    readFileSync(file('cifar10-test-100.png')),
  );
  const images = new Uint8Array(labels.length * 32 * 32 * 3);
  let to = 0;
  for (let i = 0; i < labels.length; i++) {
    for (let pixel = 0; pixel < 32 * 32; pixel++) {
      const y = Math.floor(i / 10) * 32 + Math.floor(pixel / 32);
      const x = (i % 10) * 32 + (pixel % 32);
      const from = 4 * (y * width + x);
      images.set(data.subarray(from, from + 3), to);
      to += 3;
    }
  }
  const sum = createHash('sha256').update(images).digest('hex');
  if (sum !== sha256) throw new Error('The strip of test images is damaged.');
  return new ImageSet(
    images,
    Uint8Array.from(labels),
    [32, 32, 3],
    CIFAR10_CLASSES,
  );
}
