import {mkdir, readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import test from 'ava';
import sharp from 'sharp';
import {imageFolder} from '../../src/node.js';
import {temporaryFolder} from '../helpers/folder.js';

type Color = {r: number; g: number; b: number};
const RED = {r: 255, g: 0, b: 0};
const BLUE = {r: 0, g: 0, b: 255};

/** A picture of one color. */
const plain = (color: Color, width = 20, height = 10) =>
  sharp({create: {width, height, channels: 3, background: color}});

async function write(folder: string, name: string, data: Buffer) {
  await mkdir(join(folder, name, '..'), {recursive: true});
  await writeFile(join(folder, name), data);
}

const quiet = {progress: false} as const;

test('formats and sizes, classes sorted by name', async t => {
  const folder = temporaryFolder(t);
  await write(folder, 'sky/a.png', await plain(BLUE, 31, 17).png().toBuffer());
  await write(
    folder,
    'sky/b.webp',
    await plain(BLUE).webp({lossless: true}).toBuffer(),
  );
  await write(folder, 'sky/c.gif', await plain(BLUE).gif().toBuffer());
  await write(
    folder,
    'Rose/d.jpg',
    await plain(RED, 400, 300).jpeg({quality: 100}).toBuffer(),
  );
  await write(folder, 'Rose/e.tiff', await plain(RED).tiff().toBuffer());
  await write(folder, 'Rose/.DS_Store', Buffer.from('x'));
  const set = await imageFolder(folder, {size: [6, 5], ...quiet});
  t.deepEqual(set.classNames, ['Rose', 'sky']);
  t.deepEqual([...set.labels], [0, 0, 1, 1, 1]);
  t.deepEqual(set.shape, [6, 5, 3]);
  t.deepEqual(set.skipped, []);
  t.is(set.grayFiles, 0);
  t.deepEqual(
    set.files.map(file => file.slice(-6)),
    ['/d.jpg', 'e.tiff', '/a.png', 'b.webp', '/c.gif'],
  );
  for (let i = 0; i < 5; i++) {
    const pixel = [...set.images.subarray(i * 90, i * 90 + 3)];
    const color = i < 2 ? RED : BLUE;
    [color.r, color.g, color.b].forEach((value, c) =>
      t.true(Math.abs(pixel[c] - value) <= 3, `${set.files[i]}: ${pixel}`),
    );
  }
  const images = set.tensor();
  t.deepEqual(images.shape, [5, 6, 5, 3]);
  images.dispose();
});

test('EXIF rotation, transparency, gray pictures and gray images', async t => {
  const folder = temporaryFolder(t);
  // Left half red, right half blue; orientation 6 turns it clockwise: red is above.
  const halves = await sharp({
    create: {width: 8, height: 4, channels: 3, background: BLUE},
  })
    .composite([
      {input: await plain(RED, 4, 4).png().toBuffer(), left: 0, top: 0},
    ])
    .withMetadata({orientation: 6})
    .jpeg({quality: 100, chromaSubsampling: '4:4:4'})
    .toBuffer();
  await write(folder, 'a/turned.jpg', halves);
  const clear = {r: 0, g: 0, b: 0, alpha: 0};
  await write(
    folder,
    'a/u.png',
    await sharp({create: {width: 8, height: 4, channels: 4, background: clear}})
      .png()
      .toBuffer(),
  );
  await write(
    folder,
    'a/v.png',
    await plain({r: 90, g: 90, b: 90}).toColourspace('b-w').png().toBuffer(),
  );
  const set = await imageFolder(folder, {size: 4, ...quiet});
  const at = (i: number, row: number, column: number) => [
    ...set.images.subarray(48 * i + 12 * row + 3 * column).subarray(0, 3),
  ];
  t.true(at(0, 0, 3)[0] > 200 && at(0, 0, 3)[2] < 60, 'red is above');
  t.true(at(0, 3, 0)[2] > 200 && at(0, 3, 0)[0] < 60, 'blue is below');
  t.deepEqual(at(1, 1, 1), [255, 255, 255]);
  t.deepEqual(at(2, 1, 1), [90, 90, 90]);
  t.is(set.grayFiles, 1);
  const gray = await imageFolder(folder, {size: 4, channels: 1, ...quiet});
  t.deepEqual(gray.shape, [4, 4, 1]);
  t.is(gray.images.length, 3 * 16);
  t.is(gray.images[2 * 16], 90);
});

test('what cannot be read is left out and said', async t => {
  const folder = temporaryFolder(t);
  const jpeg = await sharp(
    Buffer.from(Array.from({length: 3 * 64 * 64}, (_, i) => (i * 7919) % 256)),
    {
      raw: {width: 64, height: 64, channels: 3},
    },
  )
    .jpeg()
    .toBuffer();
  await write(folder, 'a/good.jpg', jpeg);
  await write(folder, 'a/half.jpg', jpeg.subarray(0, jpeg.length / 2));
  await write(folder, 'a/notes.txt', Buffer.from('not a picture'));
  await write(folder, 'a/empty.png', Buffer.alloc(0));
  await write(folder, 'b/good.jpg', jpeg);
  const set = await imageFolder(folder, {size: 8, ...quiet});
  t.is(set.size, 2);
  t.deepEqual([...set.labels], [0, 1]);
  t.deepEqual(
    set.skipped.map(({file}) => file.slice(folder.length + 1)).sort(),
    ['a/empty.png', 'a/half.jpg', 'a/notes.txt'],
  );
  set.skipped.forEach(({reason}) => t.regex(reason, /^[^\n]+$/));
  await write(folder, 'c/notes.txt', Buffer.from('not a picture'));
  await t.throwsAsync(imageFolder(folder, {size: 8, ...quiet}), {
    message: /no file of the class c could be read as a picture.*notes\.txt/,
  });
});

test('a CSV file, classes in the order of the model, a part of the files', async t => {
  const folder = temporaryFolder(t);
  for (let i = 0; i < 6; i++) {
    await write(
      folder,
      `pictures/${i}, x.png`,
      await plain(i < 3 ? RED : BLUE)
        .png()
        .toBuffer(),
    );
  }
  const rows = Array.from(
    {length: 6},
    (_, i) => `"pictures/${i}, x.png",${i < 3 ? 'rose' : 'sky'}`,
  );
  await writeFile(
    join(folder, 'list.csv'),
    ['file,label', ...rows].join('\r\n'),
  );
  const path = join(folder, 'list.csv');
  const classes = ['sky', 'grass', 'rose'];
  const set = await imageFolder(path, {
    size: 2,
    classes,
    examples: 3,
    ...quiet,
  });
  t.deepEqual([...set.labels], [2, 2, 0]);
  t.deepEqual(set.classNames, classes);
  await t.throwsAsync(
    imageFolder(path, {size: 2, classes: ['sky'], ...quiet}),
    {
      message: /has the class rose, which is not among sky/,
    },
  );
  await writeFile(path, 'file,label\nonly-a-file\n');
  await t.throwsAsync(imageFolder(path, {size: 2, ...quiet}), {
    message: /no CSV file|not file,label/,
  });
});

test('more than 256 classes', async t => {
  const folder = temporaryFolder(t);
  const picture = await plain(RED, 2, 2).png().toBuffer();
  for (let i = 0; i < 300; i++)
    await write(folder, `${1000 + i}/x.png`, picture);
  const set = await imageFolder(folder, {size: 2, ...quiet});
  t.is(set.labels[299], 299);
  const hot = set.oneHot(298, 300);
  t.deepEqual(hot.shape, [2, 300]);
  hot.dispose();
});

test('folders that are none', async t => {
  const folder = temporaryFolder(t);
  const read = (path: string, more = {}) =>
    imageFolder(path, {size: 4, ...quiet, ...more});
  await t.throwsAsync(read(join(folder, 'missing')), {
    message: /no such file or folder/,
  });
  await t.throwsAsync(read(folder), {message: /is empty/});
  await writeFile(join(folder, 'a.png'), await plain(RED).png().toBuffer());
  await t.throwsAsync(read(folder), {message: /no sub-folders/});
  await mkdir(join(folder, 'a'));
  await t.throwsAsync(read(folder), {
    message: /class folder .*a holds no files/,
  });
  await t.throwsAsync(read(folder, {size: 0}), {message: /size must be/});
  await t.throwsAsync(read(folder, {channels: 4}), {
    message: /channels must be 1 or 3/,
  });
  await t.throwsAsync(read(folder, {fit: 'fill'}), {message: /fit must be/});
  await t.throwsAsync(read(folder, {examples: 1.5}), {
    message: /examples must be/,
  });
  t.true((await readFile(join(folder, 'a.png'))).length > 0);
});
