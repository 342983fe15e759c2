import test from 'ava';
import {existsSync, readFileSync, readdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {DamagedZip, extractZip} from '../../src/io/extract_zip.js';
import {readZipMembers, ZipArchive} from '../../src/io/zip.js';
import {temporaryFolder} from '../helpers/folder.js';
import {zipOf, type ZipMember} from '../helpers/zip.js';

const text = (name: string, data: string, more: Partial<ZipMember> = {}) => ({
  name,
  data: Buffer.from(data),
  ...more,
});

const good = zipOf([
  text('x/a', 'hello'),
  text('x/other', 'not asked for'),
  text('x/b', 'zeros'.repeat(500), {deflate: true}),
]);

test('chosen members are read, nothing is written', async t => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'a.zip');
  writeFileSync(file, good);
  const found = await readZipMembers(file, {'x/b': 2500, 'x/a': 5});
  t.deepEqual([...found.keys()].sort(), ['x/a', 'x/b']);
  t.is(String(found.get('x/a')), 'hello');
  t.is(String(found.get('x/b')), 'zeros'.repeat(500));
  t.deepEqual(readdirSync(folder), ['a.zip']);
});

test('an archive in memory is read too, at any offset', async t => {
  const padded = Buffer.concat([Buffer.alloc(3), good, Buffer.alloc(5)]);
  const archive = await ZipArchive.open(
    new Uint8Array(padded.buffer, padded.byteOffset + 3, good.length),
  );
  t.deepEqual([...archive.entries.keys()], ['x/a', 'x/other', 'x/b']);
  t.is(String(await archive.read(archive.entries.get('x/a')!)), 'hello');
  archive.close();
});

test('the wanted files are extracted', async t => {
  const folder = temporaryFolder(t);
  const zip = join(folder, 'a.zip');
  writeFileSync(
    zip,
    zipOf([text('a/b.txt', 'hello'), text('c.txt', 'no'), text('d', '')]),
  );
  let bytes = 0;
  await extractZip(
    zip,
    join(folder, 'out'),
    name => name !== 'c.txt',
    total => {
      t.is(total, 5);
      return n => (bytes += n);
    },
  );
  t.is(bytes, 5);
  t.is(readFileSync(join(folder, 'out/a/b.txt'), 'utf8'), 'hello');
  t.deepEqual(readdirSync(join(folder, 'out')).sort(), ['a', 'd']);
});

test('one missing and one too large member are named', async t => {
  const file = join(temporaryFolder(t), 'a.zip');
  writeFileSync(file, good);
  for (const [members, message] of [
    [
      {'x/c': 1, constructor: 1},
      `${file} cannot be used: it lacks x/c, constructor.`,
    ],
    [{'x/a': 4}, `${file} cannot be used: x/a has 5 bytes, 4 at most.`],
  ] as const) {
    await t.throwsAsync(readZipMembers(file, members), {message});
  }
});

const a = text('x/a', 'hello');
/** What every reader refuses where it reads all of it. */
const HOSTILE: [string, Buffer, RegExp][] = [
  ['is cut off', good.subarray(0, good.length - 30), /./],
  ['is cut off in a member', cutInside(), /./],
  ['is empty', Buffer.alloc(0), /./],
  ['is no archive', Buffer.from('x'.repeat(200)), /./],
  ['has changed bytes', changed(good, 'hello'), /checksum of x\/a is wrong/],
  [
    'has changed compressed bytes',
    zipOf([a, text('x/b', 'b'.repeat(99), {deflate: true, crc: 7})]),
    /checksum of x\/b is wrong/,
  ],
  ['holds a member twice', zipOf([a, a]), /x\/a is there twice/],
  ['has members that share bytes', overlapping(), /overlap/],
  [
    'unpacks to more than it says',
    zipOf([text('x/a', 'z'.repeat(1e5), {deflate: true, size: 10})]),
    /too many bytes|more/,
  ],
  [
    'unpacks to less than it says',
    zipOf([text('x/a', 'z'.repeat(10), {deflate: true, size: 1e5})]),
    /not enough bytes|promised/,
  ],
  ['leads outside', zipOf([text('../outside', 'x')]), /invalid relative path/],
  ['leads to the root', zipOf([text('/outside', 'x')]), /absolute path/],
];

/** A second entry in the list that points into the first one's bytes. */
function overlapping(): Buffer {
  const inner = zipOf([text('x/b', 'inside')]);
  const outer = zipOf([{name: 'x/a', data: inner}, text('x/c', 'behind')]);
  // The entry of x/c says that it begins where the inner archive does.
  const entry = outer.lastIndexOf('PK\x01\x02');
  outer.writeUInt32LE(30 + 'x/a'.length, entry + 42);
  return outer;
}

function changed(archive: Buffer, at: string): Buffer {
  const copy = Buffer.from(archive);
  copy[copy.indexOf(at)] ^= 1;
  return copy;
}

/** The list of entries is whole, but bytes of the first are missing. */
function cutInside(): Buffer {
  const archive = zipOf([text('x/a', 'hello'.repeat(100))]);
  return Buffer.concat([archive.subarray(0, 40), archive.subarray(300)]);
}

for (const [what, bytes, message] of HOSTILE) {
  test(`an archive that ${what} is refused by every reader`, async t => {
    const folder = temporaryFolder(t);
    const file = join(folder, 'bad.zip');
    writeFileSync(file, bytes);
    const members = what.includes('compressed') ? ['x/a', 'x/b'] : ['x/a'];
    const all = Object.fromEntries(members.map(name => [name, 1e6]));
    await t.throwsAsync(readZipMembers(file, all), {message});
    const error = await t.throwsAsync(
      extractZip(file, join(folder, 'out'), () => true),
      {instanceOf: DamagedZip, message},
    );
    t.true(error.message.startsWith(`${file} is damaged: `));
    await t.throwsAsync(
      (async () => {
        const archive = await ZipArchive.open(bytes);
        for (const entry of archive.entries.values()) await archive.read(entry);
      })(),
      {message},
    );
    t.false(existsSync(join(folder, 'outside')));
  });
}

test('a backslash in a name is refused where files are written', async t => {
  const folder = temporaryFolder(t);
  const zip = join(folder, 'a.zip');
  for (const name of ['..\\outside.txt', 'a\\b.txt']) {
    writeFileSync(zip, zipOf([text(name, 'x')]));
    await t.throwsAsync(
      extractZip(zip, join(folder, 'out'), () => true),
      {instanceOf: DamagedZip},
    );
  }
  t.deepEqual(readdirSync(folder), ['a.zip']);
});
