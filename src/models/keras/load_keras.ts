import {open} from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import type * as h5 from 'h5wasm/node';
import {fileError} from '../../io/cache.js';
import {toKeras2} from './keras_config.js';

const CONVERT =
  "In Python, model.save('model.h5') writes a file that can be read, and tensorflowjs_converter writes a folder that can.";

/**
 * Loads a Keras model from an HDF5 file (`model.save('model.h5')`, Keras 2 or 3)
 * with layers that TensorFlow.js has. Needs the package h5wasm. Code in the file,
 * such as a Lambda layer's, is not run.
 *
 * @throws one sentence: no such file, no Keras model, a layer that TensorFlow.js
 *     does not have, weights that do not fit, h5wasm not installed.
 */
export async function loadKeras(path: string): Promise<tf.LayersModel> {
  if (/\.keras$/i.test(path)) {
    throw new Error(`${path} is in Keras's zip format. ${CONVERT}`);
  }
  await checkSignature(path);
  const h5wasm = await loadH5wasm();
  const file = new h5wasm.File(path, 'r');
  // The library returns no error: a file that it could not open has no number.
  if (file.file_id < 0n) throw new Error(`${path} is truncated or damaged.`);
  try {
    const model = await makeModel(path, file);
    setWeights(path, file, model);
    return model;
  } finally {
    file.close();
  }
}

/** What an HDF5 file begins with. */
const SIGNATURE = Buffer.from('\x89HDF\r\n\x1a\n', 'latin1');

async function checkSignature(path: string): Promise<void> {
  let handle;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    throw fileError(error, path, 'read');
  }
  try {
    const begin = Buffer.alloc(SIGNATURE.length);
    await handle.read(begin, 0, begin.length, 0);
    if (!begin.equals(SIGNATURE)) {
      throw new Error(`${path} is no HDF5 file.`);
    }
  } finally {
    await handle.close();
  }
}

async function loadH5wasm(): Promise<typeof h5> {
  try {
    const h5wasm = await import('h5wasm/node');
    await h5wasm.ready;
    return h5wasm;
  } catch (error) {
    throw new Error(
      'Reading Keras files needs the package h5wasm: npm install --ignore-scripts h5wasm',
      {cause: error},
    );
  }
}

async function makeModel(path: string, file: h5.File): Promise<tf.LayersModel> {
  const text = file.attrs.model_config?.value;
  if (typeof text !== 'string') {
    throw new Error(
      `${path} holds no Keras model, or weights alone: save the whole model. ${CONVERT}`,
    );
  }
  try {
    const config = toKeras2(JSON.parse(text));
    return await tf.models.modelFromJSON({
      model_config: config,
    } as unknown as Parameters<typeof tf.models.modelFromJSON>[0]);
  } catch (error) {
    const why = (error as Error).message.split('\n')[0];
    throw new Error(`${path} cannot be read as a model: ${why}`, {
      cause: error,
    });
  }
}

/** Layer by layer, in the order in which the file names weights. */
function setWeights(path: string, file: h5.File, model: tf.LayersModel): void {
  const groups = file.get('model_weights') as h5.Group | null;
  const stored = new Map(
    namesIn(groups?.attrs.layer_names?.value).map(name => [
      name,
      groups!.get(name) as h5.Group,
    ]),
  );
  for (const layer of model.layers) {
    const {weights} = layer;
    if (weights.length === 0) continue;
    const group = stored.get(layer.name);
    const names = namesIn(group?.attrs.weight_names?.value);
    if (names.length !== weights.length) {
      throw new Error(
        `${path} has ${names.length} weights for the layer ${layer.name}, which needs ${weights.length}.`,
      );
    }
    const tensors = names.map((name, i) => {
      const {shape} = weights[i];
      const dataset = group!.get(name) as h5.Dataset | null;
      const found = dataset?.shape ?? null;
      if (!found || found.join() !== shape.join()) {
        throw new Error(
          `${path}: the weight ${name} has the shape [${found ?? ''}], but the layer ${layer.name} needs [${shape}].`,
        );
      }
      const values = dataset!.value as ArrayLike<number> | number;
      const list = typeof values === 'number' ? [values] : values;
      return tf.tensor(Float32Array.from(list), shape as number[]);
    });
    layer.setWeights(tensors);
    tf.dispose(tensors);
  }
}

function namesIn(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
