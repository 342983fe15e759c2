import {open} from 'node:fs/promises';
import {decode} from 'bmp-ts';
import {readRegularFile} from '../io/cache.js';

/** Pixels of a BMP file: RGB, row by row from above. */
export interface Bmp {
  data: Uint8Array;
  width: number;
  height: number;
}

/** More pixels are taken for a damaged header. */
const MOST_PIXELS = 2 ** 28;

/** Whether a file begins as BMP files do. sharp, which decodes the others, reads none. */
export async function isBmp(file: string): Promise<boolean> {
  const handle = await open(file, 'r');
  try {
    const begin = Buffer.alloc(18);
    const {bytesRead} = await handle.read(begin, 0, begin.length, 0);
    // Its letters, two reserved numbers, and a header of a known size.
    return (
      bytesRead === begin.length &&
      begin.toString('latin1', 0, 2) === 'BM' &&
      begin.readUInt32LE(6) === 0 &&
      [12, 40, 52, 56, 64, 108, 124].includes(begin.readUInt32LE(14))
    );
  } finally {
    await handle.close();
  }
}

/** @throws Error with the reason if the file is damaged or of a rare kind. */
export async function decodeBmp(file: string): Promise<Bmp> {
  const bytes = await readRegularFile(file);
  const [columns, rows] =
    bytes.length < 26 ? [0, 0] : [bytes.readInt32LE(18), bytes.readInt32LE(22)];
  if (columns < 1 || rows === 0 || columns * Math.abs(rows) > MOST_PIXELS) {
    throw new Error('it is a BMP file that is damaged or of a rare kind');
  }
  let decoded: ReturnType<typeof decode>;
  try {
    decoded = decode(bytes);
  } catch (error) {
    throw new Error('it is a BMP file that is truncated or of a rare kind', {
      cause: error,
    });
  }
  // Not compressed, its rows take a known room, which the library does not check.
  const {width, height, bitPP, compression, offset} = decoded;
  const rowBytes = 4 * Math.ceil((width * bitPP) / 32);
  if (
    ![1, 2].includes(Number(compression)) &&
    bytes.length < offset + rowBytes * Math.abs(height)
  ) {
    throw new Error('it is a BMP file that is truncated');
  }
  const count = width * Math.abs(height);
  const data = new Uint8Array(3 * count);
  // In the library's order, the only one that it keeps for every kind of file:
  // a channel that is seldom an alpha, blue, green, red.
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < 3; c++) data[3 * i + c] = decoded.data[4 * i + 3 - c];
  }
  return {data, width, height: Math.abs(height)};
}
