import {readdirSync, readFileSync, truncateSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {gzipSync} from 'node:zlib';
import test from 'ava';
import {readTarGz} from '../../src/io/tar_gz.js';
import {temporaryFolder} from '../helpers/folder.js';
import {writeTarGz, type Member} from '../helpers/tar.js';

const bytes = (length: number, value = 7) => new Uint8Array(length).fill(value);

/** Reads members `a` and `b`, 100 bytes at most, from an archive of these. */
async function read(file: string): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  await readTarGz(file, {'x/a': 100, 'x/b': 100}, (name, data) => {
    found[name] = data.length;
  });
  return found;
}

const good: Member[] = [
  {path: 'x/a', data: bytes(100)},
  {path: 'x/other', data: bytes(50)},
  {path: 'x/b', data: bytes(3)},
];

test('chosen members are read, nothing is written', async t => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'a.tgz');
  writeTarGz(file, [
    {path: '../../outside', data: bytes(10)},
    {path: '/tmp/absolute', data: bytes(10)},
    {path: 'link', type: 'SymbolicLink', linkpath: '/etc/passwd'},
    ...good,
  ]);
  t.deepEqual(await read(file), {'x/a': 100, 'x/b': 3});
  t.deepEqual(readdirSync(folder), ['a.tgz']);
});

for (const [name, members, message] of [
  ['a missing member', good.slice(0, 2), /lacks x\/b/],
  [
    'a member larger than it may be',
    [...good.slice(0, 2), {path: 'x/b', data: bytes(101)}],
    /x\/b has 101 bytes, 100 at most/,
  ],
  ['a member twice', [...good, good[0]], /x\/a is there twice/],
  [
    'a link in the place of a file',
    [good[0], {path: 'x/b', type: 'SymbolicLink', linkpath: '/etc/passwd'}],
    /lacks x\/b/,
  ],
  [
    'names that every object has',
    [{path: 'constructor', data: bytes(3)}, ...good.slice(1)],
    /lacks x\/a/,
  ],
  [
    'more than it should unpack to',
    [{path: 'zeros', data: bytes(2 ** 21, 0)}, ...good],
    /unpacks to more than it should/,
  ],
  [
    'a size that leads past the end',
    [{path: 'x/a', size: 90}],
    /cannot be used/,
  ],
] as [string, Member[], RegExp][]) {
  test(`refused: ${name}`, async t => {
    const file = join(temporaryFolder(t), 'a.tgz');
    writeTarGz(file, members);
    const error = await t.throwsAsync(read(file), {message});
    t.false(error.message.includes('\n'));
  });
}

test('refused: a truncated archive, and what is none', async t => {
  const file = join(temporaryFolder(t), 'a.tgz');
  writeTarGz(file, good);
  truncateSync(file, readFileSync(file).length - 20);
  await t.throwsAsync(read(file), {message: /cannot be used/});
  writeFileSync(file, 'not gzip');
  await t.throwsAsync(read(file), {message: /cannot be used/});
  writeFileSync(file, gzipSync(bytes(5000)));
  await t.throwsAsync(read(file), {message: /cannot be used/});
  await t.throwsAsync(read(`${file}.none`), {message: /cannot be used/});
});

test('an error of the reader is told with the archive’s name', async t => {
  const file = join(temporaryFolder(t), 'a.tgz');
  writeTarGz(file, good);
  await t.throwsAsync(
    readTarGz(file, {'x/a': 100}, () => {
      throw new Error('x/a is green.');
    }),
    {message: `${file} cannot be used: x/a is green.`},
  );
});
