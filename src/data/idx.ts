import {gunzipSync} from 'node:zlib';
import {readRegularFile} from '../io/cache.js';

/** Bytes of an IDX file, in which MNIST and data sets like it are kept. */
export interface Idx {
  /** Sizes of its axes. */
  shape: number[];
  /** Values, the last axis the fastest. */
  data: Uint8Array;
}

/** The most that is unpacked. */
const LARGEST = 2 ** 31 - 1;

/**
 * Reads an IDX file of bytes (LeCun et al., the format of MNIST), which may be
 * compressed with gzip.
 *
 * @throws one sentence if it is no such file, or truncated.
 */
export async function readIdx(file: string): Promise<Idx> {
  return parseIdx(await readUnpacked(file), file);
}

/** A file's contents, unpacked if it is compressed with gzip. */
export async function readUnpacked(file: string): Promise<Buffer> {
  const raw = await readRegularFile(file);
  return isGzip(raw) ? unpack(raw, file) : raw;
}

/** The same of a file's contents; `name` is for messages. */
export function parseIdx(bytes: Buffer, name: string): Idx {
  // Two zeros, the type (8: bytes), the number of axes, and their sizes.
  const axes = bytes.length >= 4 ? bytes[3] : 0;
  const header = 4 + 4 * axes;
  if (axes < 1 || axes > 4 || bytes.readUInt16BE(0) !== 0 || bytes[2] !== 8) {
    throw new Error(`${name} is not an IDX file of bytes.`);
  }
  if (bytes.length < header) throw new Error(`${name} is truncated.`);
  const shape = Array.from({length: axes}, (_, i) =>
    bytes.readUInt32BE(4 + 4 * i),
  );
  const size = shape.reduce((a, b) => a * b, 1);
  if (bytes.length !== header + size) {
    throw new Error(
      `${name} has ${bytes.length - header} values, but its header says ${shape.join(' × ')}: it is truncated or damaged.`,
    );
  }
  return {shape, data: bytes.subarray(header)};
}

function isGzip(bytes: Buffer): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

function unpack(bytes: Buffer, name: string): Buffer {
  try {
    return gunzipSync(bytes, {maxOutputLength: LARGEST});
  } catch (error) {
    throw new Error(
      `${name} cannot be unpacked: ${(error as Error).message}.`,
      {cause: error},
    );
  }
}
