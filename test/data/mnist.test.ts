import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {gzipSync} from 'node:zlib';
import test from 'ava';
import {loadFashionMnist, loadIdx, loadMnist} from '../../src/node.js';
import {skipped} from '../helpers/backends.js';
import {temporaryFolder} from '../helpers/folder.js';

// Debian's package is installed, or the files are in the cache.
const fashion = await loadFashionMnist({examples: 100}).catch(error =>
  String(error),
);

function idx(shape: number[], values: ArrayLike<number>): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header[2] = 8;
  header[3] = shape.length;
  shape.forEach((n, i) => header.writeUInt32BE(n, 4 + 4 * i));
  return Buffer.concat([header, Buffer.from(Array.from(values))]);
}

const IMAGES = idx(
  [3, 2, 2],
  Array.from({length: 12}, (_, i) => i),
);
const LABELS = idx([3], [1, 0, 2]);

test('IDX files, packed or not', async t => {
  const folder = temporaryFolder(t);
  await writeFile(join(folder, 't10k-images-idx3-ubyte'), IMAGES);
  await writeFile(join(folder, 't10k-labels-idx1-ubyte.gz'), gzipSync(LABELS));
  const set = await loadIdx(folder, {examples: 2});
  t.deepEqual([...set.images], [0, 1, 2, 3, 4, 5, 6, 7]);
  t.deepEqual([...set.labels], [1, 0]);
  t.deepEqual(set.shape, [2, 2, 1]);
  t.deepEqual(set.classNames, ['0', '1', '2']);
  await t.throwsAsync(loadIdx(folder, {split: 'train'}), {
    message: /train-images/,
  });
  await t.throwsAsync(loadIdx(folder, {examples: 4}), {message: /from 1 to 3/});
});

for (const [what, images, message] of [
  ['truncated', IMAGES.subarray(0, -1), /truncated or damaged/],
  [
    'of another type',
    Buffer.from([0, 0, 13, 1, 0, 0, 0, 0]),
    /not an IDX file/,
  ],
  ['text', Buffer.from('hello'), /not an IDX file/],
  ['empty', Buffer.alloc(0), /not an IDX file/],
  ['a broken gzip', gzipSync(IMAGES).subarray(0, -8), /cannot be unpacked/],
  [
    'of more images than labels',
    idx([4, 1, 1], [0, 0, 0, 0]),
    /4 images, but 3 labels/,
  ],
] as const) {
  test(`a file that is ${what}`, async t => {
    const folder = temporaryFolder(t);
    await writeFile(join(folder, 't10k-images-idx3-ubyte'), images);
    await writeFile(join(folder, 't10k-labels-idx1-ubyte'), LABELS);
    await t.throwsAsync(loadIdx(folder), {message});
  });
}

test('a cached MNIST of other bytes is not taken', async t => {
  const cache = temporaryFolder(t);
  await t.throwsAsync(loadMnist({cache, split: 'all' as 'test'}), {
    message: /'train' or 'test'/,
  });
});

test('Fashion-MNIST: the files are checked, and what lacks is said', async t => {
  const folder = temporaryFolder(t);
  await t.throwsAsync(loadFashionMnist({folder}), {
    message: /t10k-images-idx3-ubyte\.gz/,
  });
  await writeFile(join(folder, 't10k-images-idx3-ubyte'), IMAGES);
  await writeFile(join(folder, 't10k-labels-idx1-ubyte.gz'), gzipSync(LABELS));
  await t.throwsAsync(loadFashionMnist({folder}), {
    message: /is not the t10k-(images|labels).* of Fashion-MNIST/,
  });
  await t.throwsAsync(loadFashionMnist({split: 'all' as 'test'}), {
    message: /'train' or 'test'/,
  });
});

if (typeof fashion === 'string') {
  skipped(test, 'the published Fashion-MNIST', fashion);
} else {
  test('the published Fashion-MNIST: classes and images', async t => {
    t.deepEqual(fashion.shape, [28, 28, 1]);
    // The first test image is an ankle boot, then a pullover and two trousers.
    t.deepEqual(
      [...fashion.labels.slice(0, 4)].map(i => fashion.classNames[i]),
      ['ankle boot', 'pullover', 'trouser', 'trouser'],
    );
    const train = await loadFashionMnist({split: 'train'});
    t.is(train.size, 60_000);
    for (let c = 0; c < 10; c++) {
      t.is(train.labels.filter(label => label === c).length, 6000);
    }
  });
}
