import test from 'ava';
import fc from 'fast-check';
import {checksum} from '../../src/tensorboard/crc32c.js';
import {frameRecord} from '../../src/tensorboard/record.js';
import {Event} from '../../src/tensorboard/schema.js';
import {readRecords} from '../helpers/event_reader.js';

// RFC 3720, appendix B.4, and the check value of the CRC catalog.
const vectors: Array<[string, Uint8Array, number]> = [
  ['32 bytes of zeros', new Uint8Array(32), 0x8a9136aa],
  ['32 bytes of ones', new Uint8Array(32).fill(255), 0x62a8ab43],
  [
    'bytes from 0 to 31',
    Uint8Array.from({length: 32}, (_, i) => i),
    0x46dd794e,
  ],
  [
    'bytes from 31 to 0',
    Uint8Array.from({length: 32}, (_, i) => 31 - i),
    0x113fdb5c,
  ],
  ['123456789', new TextEncoder().encode('123456789'), 0xe3069283],
];
for (const [name, data, expected] of vectors) {
  test(`CRC-32C of ${name}`, t => {
    t.is(checksum(data), expected);
  });
}

test('the first record starts as in files that TensorFlow writes', t => {
  const event = {wallTime: 1.7e9, fileVersion: 'brain.Event:2'};
  const record = frameRecord(Event.encode(Event.create(event)).finish());
  t.is(
    Buffer.from(record.subarray(0, 12)).toString('hex'),
    '1800000000000000a37f4b22',
  );
});

test('records of any content are read back, and damage is seen', t => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({minLength: 1, maxLength: 100}), {minLength: 1}),
      fc.nat(),
      fc.integer({min: 1, max: 255}),
      (contents, where, flip) => {
        const file = Buffer.concat(contents.map(frameRecord));
        t.deepEqual(
          readRecords(file).map(r => [...r]),
          contents.map(c => [...c]),
        );
        file[where % file.length] ^= flip;
        t.throws(() => readRecords(file));
      },
    ),
    {numRuns: 50},
  );
});
