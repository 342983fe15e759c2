import test from 'ava';
import {readTarMembers} from '../../src/io/tar.js';
import {tarOf, type Member} from '../helpers/tar.js';

const bytes = (length: number, value = 7) => new Uint8Array(length).fill(value);

const good: Member[] = [
  {path: 'a', data: bytes(100)},
  {path: 'other', data: bytes(3000)},
  {path: 'b', data: bytes(3)},
];

async function read(archive: Uint8Array): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  await readTarMembers(archive, {a: 100, b: 100}, (name, data) => {
    found[name] = data.length;
  });
  return found;
}

test('members of an archive in memory are read', async t => {
  t.deepEqual(await read(tarOf(good)), {a: 100, b: 3});
});

for (const [name, members, message] of [
  ['a member too large', [{path: 'a', data: bytes(101)}], /a has 101 bytes/],
  ['a member twice', [...good, good[0]], /a is there twice/],
] as [string, Member[], RegExp][]) {
  test(`refused: ${name}`, async t => {
    await t.throwsAsync(read(tarOf(members)), {message});
  });
}

test('an archive that is cut off anywhere ends in members or an error', async t => {
  const archive = tarOf(good);
  for (let length = 0; length < archive.length; length += 97) {
    const result = await read(archive.subarray(0, length)).catch(
      (error: Error) => error,
    );
    if (!(result instanceof Error)) {
      t.true((result.a ?? 100) === 100 && (result.b ?? 3) === 3);
    }
  }
  t.pass();
});
