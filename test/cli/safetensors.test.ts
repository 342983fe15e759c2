import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import {
  type Entry,
  readSafetensors,
  writeSafetensors,
} from '../../src/cli/safetensors.js';
import {temporaryFolder} from '../helpers/folder.js';

const ENTRIES = new Map<string, Entry>([
  ['x', {shape: [2, 2], values: Float32Array.of(1, -0, 3e-40, NaN)}],
  ['bytes', {shape: [3], values: Uint8Array.of(0, 7, 255)}],
  ['n', {shape: [], values: Int32Array.of(-5)}],
  ['none', {shape: [0, 4], values: new Float32Array(0)}],
]);

async function written(file: string) {
  await writeSafetensors(file, {entries: ENTRIES, metadata: {ä: [1, null]}});
  return readFileSync(file);
}

test('arrays of all types and the metadata come back', async t => {
  const file = join(temporaryFolder(t), 'a.safetensors');
  const bytes = await written(file);
  const {entries, metadata} = await readSafetensors(file);
  t.deepEqual(entries, ENTRIES);
  t.deepEqual(metadata, {ä: [1, null]});
  t.is(Number(bytes.readBigUInt64LE(0)) % 8, 0, 'values are aligned');
});

test('any change of any byte is noticed', async t => {
  const file = join(temporaryFolder(t), 'a.safetensors');
  const bytes = await written(file);
  await fc.assert(
    fc.asyncProperty(
      fc.nat(bytes.length - 1),
      fc.integer({min: 1, max: 255}),
      async (at, flip) => {
        const changed = Buffer.from(bytes);
        changed[at] ^= flip;
        writeFileSync(file, changed);
        const message = /is damaged: .*\.$/;
        await readSafetensors(file).then(
          ({entries, metadata}) => {
            // Only white space between the header's tokens does not matter.
            t.deepEqual(entries, ENTRIES);
            t.deepEqual(metadata, {ä: [1, null]});
          },
          error => t.regex((error as Error).message, message),
        );
      },
    ),
    {numRuns: 300},
  );
  for (const length of [0, 5, 8, 40, bytes.length - 1]) {
    writeFileSync(file, bytes.subarray(0, length));
    await t.throwsAsync(readSafetensors(file), {message: /is damaged/});
  }
  writeFileSync(file, Buffer.concat([bytes, Buffer.of(1)]));
  await t.throwsAsync(readSafetensors(file), {message: /is damaged/});
});

test('lies with the right checksum are refused as well', async t => {
  const {createHash} = await import('node:crypto');
  const file = join(temporaryFolder(t), 'a.safetensors');
  const forge = (headers: object, payload: Uint8Array, json = 'null') => {
    const sha256 = createHash('sha256')
      .update(JSON.stringify(headers))
      .update(json)
      .update(payload)
      .digest('hex');
    const text = JSON.stringify({__metadata__: {json, sha256}, ...headers});
    const header = Buffer.from(text);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    writeFileSync(file, Buffer.concat([length, header, payload]));
  };
  const data = new Uint8Array(8);
  const one = {dtype: 'F32', shape: [1], data_offsets: [0, 4]};
  const two = {dtype: 'F32', shape: [1], data_offsets: [4, 8]};
  forge({a: one, b: two}, data);
  t.is((await readSafetensors(file)).entries.size, 2);
  const lies: object[] = [
    {a: one, b: one},
    {a: one},
    {a: two, b: one},
    {a: {...one, dtype: 'BF16'}, b: two},
    {a: {...one, dtype: '__proto__'}, b: two},
    {a: {...one, shape: [2]}, b: two},
    {a: {...one, shape: [-1]}, b: two},
    {a: {...one, shape: [0.5]}, b: two},
    {a: {...one, shape: [1e300, 1e300]}, b: two},
    {a: {...one, shape: 'x'}, b: two},
    {a: {...one, data_offsets: [0, 1e9]}, b: two},
    {a: {...one, data_offsets: null}, b: two},
    {a: null, b: two},
    {a: 5, b: two},
  ];
  for (const lie of lies) {
    forge(lie, data);
    await t.throwsAsync(
      readSafetensors(file),
      {message: /is damaged: .*\.$/},
      JSON.stringify(lie),
    );
  }
  forge({a: one, b: two}, data, '{not json');
  await t.throwsAsync(readSafetensors(file), {message: /is damaged/});
  const huge = Buffer.alloc(64);
  huge.writeBigUInt64LE(2n ** 63n);
  for (const text of [huge, Buffer.from('this is no such file at all')]) {
    writeFileSync(file, text);
    await t.throwsAsync(readSafetensors(file), {message: /is damaged/});
  }
});
