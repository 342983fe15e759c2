import * as tf from '@tensorflow/tfjs';
import {
  damaged,
  type Entry,
  readSafetensors,
  type Values,
  writeSafetensors,
} from '../../src/cli/safetensors.js';

/** Tensors by name, and anything that JSON can hold. */
export interface TensorFile {
  tensors: Map<string, tf.Tensor>;
  metadata: unknown;
}

/** Writes tensors and metadata to one safetensors file, whole or not at all. */
export async function writeTensors(
  file: string,
  {tensors, metadata}: TensorFile,
): Promise<void> {
  const entries = new Map<string, Entry>();
  for (const [name, tensor] of tensors) {
    const values = (await tensor.data()) as Values;
    entries.set(name, {shape: tensor.shape, values});
  }
  await writeSafetensors(file, {entries, metadata});
}

/**
 * Reads what {@link writeTensors} wrote. The tensors are the caller's to dispose.
 *
 * @throws one sentence if the file does not exist or is damaged, or if not all
 *     numbers are finite.
 */
export async function readTensors(file: string): Promise<TensorFile> {
  const {entries, metadata} = await readSafetensors(file);
  for (const [name, {values}] of entries) {
    if (!values.every(Number.isFinite)) {
      throw damaged(file, `not all numbers of ${name} are finite`);
    }
  }
  const tensors = new Map<string, tf.Tensor>();
  for (const [name, {shape, values}] of entries) {
    const dtype = values instanceof Float32Array ? 'float32' : 'int32';
    tensors.set(name, tf.tensor(values, shape, dtype));
  }
  return {tensors, metadata};
}
