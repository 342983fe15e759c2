import {createHash} from 'node:crypto';
import {readRegularFile, writeWhole} from '../io/cache.js';

/** Values as the file holds them, row by row. */
export type Values = Float32Array | Int32Array | Uint8Array;

export interface Entry {
  shape: number[];
  values: Values;
}

/** Arrays by name, and anything that JSON can hold. */
export interface SafetensorsFile {
  entries: Map<string, Entry>;
  metadata: unknown;
}

interface Header {
  dtype: string;
  shape: number[];
  data_offsets: [begin: number, end: number];
}

const TYPES = {F32: Float32Array, I32: Int32Array, U8: Uint8Array} as const;
type TypeName = keyof typeof TYPES;

/** Longer headers belong to no file that is written here. */
const MOST_HEADER = 2 ** 24;

/**
 * Writes arrays and metadata to one file, whole or not at all, in the format
 * safetensors, which Python reads too: the length of a JSON header in eight
 * bytes, the header, the values. The header's `__metadata__` has the metadata as
 * JSON under `json` and, under `sha256`, a checksum of all of it: of the JSON of
 * the other entries, the metadata and the values, in this order.
 */
export async function writeSafetensors(
  file: string,
  {entries, metadata}: SafetensorsFile,
): Promise<void> {
  const headers: Record<string, Header> = {};
  const parts: Uint8Array[] = [];
  let begin = 0;
  for (const [name, {shape, values}] of entries) {
    const {buffer, byteOffset, byteLength} = values;
    const end = begin + byteLength;
    headers[name] = {dtype: typeOf(values), shape, data_offsets: [begin, end]};
    parts.push(new Uint8Array(buffer, byteOffset, byteLength));
    begin = end;
  }
  const json = JSON.stringify(metadata);
  const sha256 = checksum(headers, json, parts);
  // Spaces align the values, as the format recommends.
  const text = JSON.stringify({__metadata__: {json, sha256}, ...headers});
  const bytes = Buffer.from(text);
  const header = Buffer.alloc(8 * Math.ceil(bytes.length / 8), ' ');
  bytes.copy(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  await writeWhole(file, Buffer.concat([length, header, ...parts]));
}

function typeOf(values: Values): TypeName {
  if (values instanceof Float32Array) return 'F32';
  return values instanceof Int32Array ? 'I32' : 'U8';
}

function checksum(
  headers: Record<string, Header>,
  json: string,
  parts: Uint8Array[],
): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify(headers)).update(json);
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

/**
 * Reads what {@link writeSafetensors} wrote. The whole file is verified before
 * any of it is returned.
 *
 * @throws one sentence if it does not exist, or is truncated, changed or not
 *     such a file.
 */
export async function readSafetensors(file: string): Promise<SafetensorsFile> {
  const bytes = await readRegularFile(file, 2 ** 31);
  try {
    return parse(bytes);
  } catch (error) {
    throw damaged(file, (error as Error).message, error);
  }
}

/** @param reason the second half of a sentence. */
export function damaged(file: string, reason: string, cause?: unknown): Error {
  const [first] = reason.replace(/\.$/, '').split('\n');
  return new Error(`${file} is damaged: ${first}.`, {cause});
}

function parse(bytes: Buffer): SafetensorsFile {
  if (bytes.length < 8) throw new Error('it is truncated');
  const length = bytes.readBigUInt64LE(0);
  if (length > BigInt(Math.min(bytes.length - 8, MOST_HEADER))) {
    throw new Error('it is truncated, or its header is too long');
  }
  const start = 8 + Number(length);
  const {json, sha256, headers} = readHeader(bytes.toString('utf8', 8, start));
  const payload = bytes.subarray(start);
  if (checksum(headers, json, [payload]) !== sha256) {
    throw new Error('its checksum is wrong');
  }
  const entries = new Map<string, Entry>();
  let expected = 0;
  for (const [name, header] of Object.entries(headers)) {
    const {shape, values} = readEntry(name, header, payload, expected);
    expected += values.byteLength;
    entries.set(name, {shape, values});
  }
  if (expected !== payload.length) {
    throw new Error('it holds bytes that belong to no array');
  }
  return {entries, metadata: JSON.parse(json)};
}

function readHeader(text: string): {
  json: string;
  sha256: string;
  headers: Record<string, Header>;
} {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    throw new Error('its header is not JSON');
  }
  const {__metadata__, ...headers} = (header ?? {}) as Record<
    string,
    Header
  > & {
    __metadata__?: {json?: unknown; sha256?: unknown};
  };
  const {json, sha256} = __metadata__ ?? {};
  if (typeof json !== 'string' || typeof sha256 !== 'string') {
    throw new Error('it has no checksum: another program or version wrote it');
  }
  return {json, sha256, headers};
}

const isWhole = (n: unknown): n is number =>
  Number.isSafeInteger(n) && (n as number) >= 0;

/** Arrays follow one another without gaps: none overlap. */
function readEntry(
  name: string,
  header: Header,
  payload: Buffer,
  expected: number,
): Entry {
  const {dtype, shape, data_offsets: offsets} = header ?? {};
  if (!Object.hasOwn(TYPES, dtype)) {
    throw new Error(`${name} has the type ${dtype}, which is not read here`);
  }
  if (!Array.isArray(shape) || shape.length > 8 || !shape.every(isWhole)) {
    throw new Error(`${name} has no valid shape`);
  }
  const type = TYPES[dtype as TypeName];
  const count = shape.reduce((product, n) => product * n, 1);
  const [begin, end] = Array.isArray(offsets) ? offsets : [];
  const fits =
    begin === expected &&
    end === begin + count * type.BYTES_PER_ELEMENT &&
    end <= payload.length;
  if (!fits) {
    throw new Error(`the offsets of ${name} do not fit its shape and place`);
  }
  // A copy, since typed arrays must begin at a multiple of their size.
  const data = payload.buffer.slice(
    payload.byteOffset + begin,
    payload.byteOffset + end,
  ) as ArrayBuffer;
  return {shape, values: new type(data)};
}
