import crc32c from 'crc-32/crc32c.js';

/** The unsigned CRC-32C (Castagnoli) of some bytes; RFC 3720, appendix B.4. */
export function checksum(data: Uint8Array): number {
  return crc32c.buf(data) >>> 0;
}

/**
 * The checksum as TFRecord files hold it: rotated right by 15 bits and shifted
 * by a constant, since the CRC of bytes that contain their own CRC is weak.
 */
export function maskedChecksum(data: Uint8Array): number {
  const crc = checksum(data);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
