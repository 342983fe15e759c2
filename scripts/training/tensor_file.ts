import {readFile} from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import {fileError, writeWhole} from '../../src/io/cache.js';

/** Tensors by name, and anything that JSON can hold. */
export interface TensorFile {
  tensors: Map<string, tf.Tensor>;
  metadata: unknown;
}

interface Entry {
  dtype: 'F32' | 'I32';
  shape: number[];
  data_offsets: [begin: number, end: number];
}

/**
 * Writes tensors and metadata to one file, whole or not at all, in the format
 * safetensors, which Python reads too: the length of a JSON header in eight
 * bytes, the header, the values.
 */
export async function writeTensors(
  file: string,
  {tensors, metadata}: TensorFile,
): Promise<void> {
  const header: Record<string, unknown> = {
    // The format has room for strings only.
    __metadata__: {json: JSON.stringify(metadata)},
  };
  const parts: Uint8Array[] = [];
  let begin = 0;
  for (const [name, tensor] of tensors) {
    const {buffer, byteOffset, byteLength} =
      (await tensor.data()) as Float32Array;
    const dtype = tensor.dtype === 'int32' ? 'I32' : 'F32';
    const end = begin + byteLength;
    header[name] = {dtype, shape: tensor.shape, data_offsets: [begin, end]};
    parts.push(new Uint8Array(buffer, byteOffset, byteLength));
    begin = end;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  await writeWhole(file, Buffer.concat([length, json, ...parts]));
}

/**
 * Reads what {@link writeTensors} wrote. The tensors are the caller's.
 *
 * @throws one sentence if the file is not there, or not whole.
 */
export async function readTensors(file: string): Promise<TensorFile> {
  const bytes = await readFile(file).catch(error => {
    throw fileError(error, file, 'read');
  });
  let header: Record<string, Entry>;
  let metadata: unknown;
  let start: number;
  try {
    start = 8 + Number(bytes.readBigUInt64LE(0));
    const {__metadata__, ...entries} = JSON.parse(
      bytes.toString('utf8', 8, start),
    );
    header = entries;
    metadata = JSON.parse(__metadata__.json);
  } catch (error) {
    throw damaged(file, error);
  }
  const tensors = new Map<string, tf.Tensor>();
  for (const [name, {dtype, shape, data_offsets}] of Object.entries(header)) {
    const [begin, end] = data_offsets.map(offset => start + offset);
    if (end > bytes.length) throw damaged(file);
    const data = bytes.buffer.slice(
      bytes.byteOffset + begin,
      bytes.byteOffset + end,
    ) as ArrayBuffer;
    tensors.set(
      name,
      dtype === 'I32'
        ? tf.tensor(new Int32Array(data), shape, 'int32')
        : tf.tensor(new Float32Array(data), shape),
    );
  }
  return {tensors, metadata};
}

function damaged(file: string, cause?: unknown): Error {
  return new Error(`${file} is damaged: it cannot be gone on from.`, {cause});
}
