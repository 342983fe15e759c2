import {open} from 'node:fs/promises';
import type * as tf from '@tensorflow/tfjs';
import type * as h5 from 'h5wasm/node';
import {fileError} from '../../io/cache.js';
import {CONVERT, makeModel, setWeights, withHdf5} from './keras_parts.js';
import {loadKerasZip} from './keras_zip.js';

/**
 * Loads a Keras model from an HDF5 file (`model.save('model.h5')`, Keras 2 or 3) or
 * a zip file (`model.save('model.keras')`, Keras 3) with layers that TensorFlow.js
 * has. Needs the package h5wasm. Code in the file, such as a Lambda layer's, is not
 * run.
 *
 * @throws one sentence: no such file, no Keras model, a layer that TensorFlow.js
 *     does not have, weights that do not fit, h5wasm not installed.
 */
export async function loadKeras(path: string): Promise<tf.LayersModel> {
  if (await isZip(path)) return loadKerasZip(path);
  return withHdf5(path, path, async file => {
    const text = file.attrs.model_config?.value;
    if (typeof text !== 'string') {
      throw new Error(
        `${path} holds no Keras model, or weights alone: save the whole model. ${CONVERT}`,
      );
    }
    const model = await makeModel(path, text);
    try {
      setHdf5Weights(path, file, model);
    } catch (error) {
      model.dispose();
      throw error;
    }
    return model;
  });
}

/** What an HDF5 file and a zip file begin with. */
const HDF5 = Buffer.from('\x89HDF\r\n\x1a\n', 'latin1');
const ZIP = Buffer.from('PK\x03\x04', 'latin1');

/** Whether it is a zip file. @throws Error if it is no HDF5 file either. */
async function isZip(path: string): Promise<boolean> {
  let handle;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    throw fileError(error, path, 'read');
  }
  try {
    const begin = Buffer.alloc(HDF5.length);
    await handle.read(begin, 0, begin.length, 0);
    if (begin.subarray(0, ZIP.length).equals(ZIP)) return true;
    if (begin.equals(HDF5)) return false;
    throw new Error(
      `${path} is no HDF5 file and no zip file, so it is no Keras model.`,
    );
  } finally {
    await handle.close();
  }
}

/** Layer by layer, in the order in which the file names weights. */
function setHdf5Weights(
  path: string,
  file: h5.File,
  model: tf.LayersModel,
): void {
  const groups = file.get('model_weights') as h5.Group | null;
  const stored = new Map(
    namesIn(groups?.attrs.layer_names?.value).map(name => [
      name,
      groups!.get(name) as h5.Group,
    ]),
  );
  for (const layer of model.layers) {
    const group = stored.get(layer.name);
    const names = namesIn(group?.attrs.weight_names?.value);
    const datasets = names.map(name => group!.get(name) as h5.Dataset | null);
    setWeights(path, layer, datasets);
  }
}

function namesIn(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
