import {spawnSync} from 'node:child_process';
import {mkdir, readFile, symlink, writeFile} from 'node:fs/promises';
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

test('pixels are those of the file: no profile, no shrinking while it is read', async t => {
  const folder = temporaryFolder(t);
  const [height, width] = [9, 12];
  const bytes = Uint8Array.from(
    {length: height * width * 3},
    (_, i) => (i * 97) % 256,
  );
  const raw = {raw: {width, height, channels: 3}} as const;
  const p3 = await sharp(bytes, raw).withMetadata({icc: 'p3'}).png().toBuffer();
  const stored = await sharp(p3, {ignoreIcc: true}).raw().toBuffer();
  t.notDeepEqual([...stored], [...bytes], 'the profile changes the values');
  await write(folder, 'a/p3.png', p3);
  await write(folder, 'a/q.png', await sharp(bytes, raw).png().toBuffer());
  const set = await imageFolder(folder, {size: [height, width], ...quiet});
  t.deepEqual([...set.images], [...stored, ...bytes]);

  // A bright edge of 4 pixels: a JPEG that is read at an eighth of its size blurs it.
  const size = 128;
  const ramp = Uint8Array.from({length: size * size * 3}, (_, i) => {
    const x = Math.floor(i / 3) % size;
    return x < size - 4 ? 20 : 220;
  });
  const square = {raw: {width: size, height: size, channels: 3}} as const;
  const lossless = sharp(ramp, square).png();
  const jpeg = sharp(ramp, square).jpeg({quality: 100});
  const big = temporaryFolder(t);
  await write(big, 'a/x.jpg', await jpeg.toBuffer());
  await write(big, 'a/y.png', await lossless.toBuffer());
  const both = await imageFolder(big, {size: 7, ...quiet});
  const half = both.imageSize;
  for (let i = 0; i < half; i++) {
    const [a, b] = [both.images[i], both.images[half + i]];
    t.true(Math.abs(a - b) <= 2, `${i}: ${a}, ${b}`);
  }
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

/** A BMP file of 3 × 2 pixels: red, green, blue above, white, black, gray below. */
function bmp(bits: 8 | 24 | 32, topDown = false): Buffer {
  const colors = [
    [255, 0, 0],
    [0, 255, 0],
    [0, 0, 255],
    [255, 255, 255],
    [0, 0, 0],
    [128, 128, 128],
  ];
  const palette = bits === 8 ? 6 : 0;
  const row = 4 * Math.ceil((3 * bits) / 32);
  const offset = 54 + 4 * palette;
  const file = Buffer.alloc(offset + 2 * row);
  file.write('BM');
  file.writeUInt32LE(file.length, 2);
  file.writeUInt32LE(offset, 10);
  file.writeUInt32LE(40, 14);
  file.writeInt32LE(3, 18);
  file.writeInt32LE(topDown ? -2 : 2, 22);
  file.writeUInt16LE(1, 26);
  file.writeUInt16LE(bits, 28);
  file.writeUInt32LE(2 * row, 34);
  file.writeUInt32LE(palette, 46);
  const bgr = ([r, g, b]: number[]) => [b, g, r];
  if (palette) colors.forEach((c, i) => file.set(bgr(c), 54 + 4 * i));
  colors.forEach((color, i) => {
    const y = Math.floor(i / 3);
    const at = offset + row * (topDown ? y : 1 - y) + ((i % 3) * bits) / 8;
    file.set(bits === 8 ? [i] : bgr(color), at);
  });
  return file;
}

test('BMP files, of several kinds, and what is none', async t => {
  const folder = temporaryFolder(t);
  const kinds = [bmp(24), bmp(24, true), bmp(32), bmp(8)];
  for (const [i, file] of kinds.entries()) {
    await write(folder, `a/${i}.bmp`, file);
  }
  await write(folder, 'a/cut.bmp', bmp(24).subarray(0, -5));
  await write(folder, 'a/header.bmp', bmp(24).subarray(0, 20));
  const huge = bmp(24);
  huge.writeInt32LE(2 ** 30, 18);
  await write(folder, 'a/huge.bmp', huge);
  await write(
    folder,
    'a/text.bmp',
    Buffer.from('BMW and other cars, in a text'),
  );
  const set = await imageFolder(folder, {size: [2, 3], ...quiet});
  t.is(set.size, kinds.length);
  for (let i = 0; i < kinds.length; i++) {
    t.deepEqual(
      [...set.images.subarray(18 * i, 18 * (i + 1))],
      [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 128, 128, 128],
      set.files[i],
    );
  }
  t.deepEqual(
    set.skipped.map(({file}) => file.slice(folder.length + 3)),
    ['cut.bmp', 'header.bmp', 'huge.bmp', 'text.bmp'],
  );
  for (const {reason} of set.skipped) t.false(/offset|\n/.test(reason), reason);
});

test('links to class folders are followed; what is no file is left out', async t => {
  const folder = temporaryFolder(t);
  const picture = await plain(RED).png().toBuffer();
  await write(folder, 'elsewhere/1.png', picture);
  await write(folder, 'set/a/1.png', picture);
  await symlink('../elsewhere', join(folder, 'set/b'));
  await symlink('loop.png', join(folder, 'set/a/loop.png'));
  await symlink('nowhere', join(folder, 'set/a/dead.png'));
  await symlink('..', join(folder, 'set/a/up'));
  const pipe = spawnSync('mkfifo', [join(folder, 'set/a/pipe.png')]);
  const set = await imageFolder(join(folder, 'set'), {size: 2, ...quiet});
  t.deepEqual(set.classNames, ['a', 'b']);
  t.deepEqual([...set.labels], [0, 1]);
  const reasons = set.skipped.map(({reason}) => reason);
  t.deepEqual(reasons, [
    'no such file or folder',
    'its links lead in a circle',
    ...(pipe.status === 0 ? ['it is no regular file'] : []),
  ]);
  const parent = imageFolder(folder, {size: 2, ...quiet});
  await t.throwsAsync(parent, {message: /set holds only folders, such as a:/});
});

test('CSV: numbers in their order, both spellings of an accent, lines', async t => {
  const folder = temporaryFolder(t);
  await write(folder, 'é 1.png', await plain(RED).png().toBuffer());
  const read = async (text: string, classes?: string[]) => {
    await write(folder, 'list.csv', Buffer.from(text));
    const options = {size: 2, classes, ...quiet};
    return imageFolder(join(folder, 'list.csv'), options);
  };
  const numbers = await read('é 1.png,10\né 1.png,9\né 1.png,2\n');
  t.deepEqual(numbers.classNames, ['2', '9', '10']);
  t.deepEqual([...numbers.labels], [2, 1, 0]);
  const text = '\ufefffile_name,label\r\n"é 1.png","caf\u00e9"\r\n';
  const accents = await read(text, ['a', 'cafe\u0301']);
  t.deepEqual([...accents.labels], [1]);
  await t.throwsAsync(read('file,label\n\né 1.png,a\nalone.png\n'), {
    message: /^Line 4 of .* is not file,label: alone\.png$/,
  });
  await t.throwsAsync(read('a.png,a\n"b.png,a\n'), {message: /is no CSV file/});
  const binary = read('a.png,a\nb\0"\n\x1a,a\n');
  const error = await t.throwsAsync(binary, {message: /is no CSV file/});
  t.false(error!.message.includes('\0'));
});
