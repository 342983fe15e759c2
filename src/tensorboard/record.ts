import {maskedChecksum} from './crc32c.js';

/**
 * Frames one record of a TFRecord file, all numbers little-endian: length
 * (uint64), masked CRC of the length (uint32), data, masked CRC of the data.
 */
export function frameRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(12 + data.length + 4);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedChecksum(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, maskedChecksum(data), true);
  return record;
}
