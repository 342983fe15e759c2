// Writes the strip of real images that the tests use: the first 100 images of
// the CIFAR-10 test set, ten in a row, with their labels. Run once:
//   npx tsx scripts/make_strip.ts
import {createHash} from 'node:crypto';
import {fileURLToPath} from 'node:url';
import {PNG} from 'pngjs';
import {writeWhole} from '../src/io/cache.js';
import {loadCifar10} from '../src/node.js';

const COLUMNS = 10;
const COUNT = 100;

const {images, labels, imageSize, shape} = await loadCifar10({examples: COUNT});
const [height, width] = shape;
const picture = new PNG({
  width: COLUMNS * width,
  height: (COUNT / COLUMNS) * height,
  colorType: 2,
});
for (let i = 0; i < COUNT; i++) {
  const top = Math.floor(i / COLUMNS) * height;
  const left = (i % COLUMNS) * width;
  for (let pixel = 0; pixel < width * height; pixel++) {
    const y = top + Math.floor(pixel / width);
    const x = left + (pixel % width);
    const from = i * imageSize + 3 * pixel;
    const rgba = [images[from], images[from + 1], images[from + 2], 255];
    picture.data.set(rgba, 4 * (y * picture.width + x));
  }
}
const target = (name: string) =>
  fileURLToPath(new URL(`../test/assets/${name}`, import.meta.url));
await writeWhole(
  target('cifar10-test-100.png'),
  PNG.sync.write(picture, {colorType: 2}),
);
const about = {
  note: 'the first 100 images of the CIFAR-10 test set (Krizhevsky 2009), ten in a row from the top left; sha256 is of the RGB bytes, image by image',
  labels: [...labels],
  sha256: createHash('sha256').update(images).digest('hex'),
};
await writeWhole(
  target('cifar10-test-100.json'),
  JSON.stringify(about, null, 1) + '\n',
);
