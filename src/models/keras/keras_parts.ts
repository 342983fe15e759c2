import * as tf from '@tensorflow/tfjs';
import type * as h5 from 'h5wasm/node';
import {toKeras2} from './keras_config.js';

/** Ends sentences about files that cannot be read. */
export const CONVERT =
  "In Python, model.save('model.h5') writes a file that can be read, and tensorflowjs_converter writes a folder that can.";

/**
 * Opens an HDF5 file for as long as `f` works.
 *
 * @param name what messages call it.
 */
export async function withHdf5<T>(
  path: string,
  name: string,
  f: (file: h5.File) => Promise<T>,
): Promise<T> {
  const h5wasm = await loadH5wasm();
  const file = new h5wasm.File(path, 'r');
  // The library returns no error: a file that it could not open has no number.
  if (file.file_id < 0n) throw new Error(`${name} is truncated or damaged.`);
  try {
    return await f(file);
  } finally {
    file.close();
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

/** The model of a configuration in JSON, with weights that are not set yet. */
export async function makeModel(
  path: string,
  text: string,
): Promise<tf.LayersModel> {
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

/** @throws Error if number or shapes are not those that the layer needs. */
export function setWeights(
  path: string,
  layer: tf.layers.Layer,
  datasets: Array<h5.Dataset | null>,
): void {
  const {weights} = layer;
  if (weights.length === 0) return;
  if (datasets.length !== weights.length) {
    throw new Error(
      `${path} has ${datasets.length} weights for the layer ${layer.name}, which needs ${weights.length}.`,
    );
  }
  datasets.forEach((dataset, i) => {
    const {shape, name} = weights[i];
    const found = dataset?.shape ?? null;
    if (!found || found.join() !== shape.join()) {
      throw new Error(
        `${path}: the weight ${name} has the shape [${found ?? ''}], but the layer ${layer.name} needs [${shape}].`,
      );
    }
  });
  const tensors = datasets.map((dataset, i) => {
    const values = dataset!.value as ArrayLike<number> | number;
    const list = typeof values === 'number' ? [values] : values;
    return tf.tensor(Float32Array.from(list), weights[i].shape as number[]);
  });
  layer.setWeights(tensors);
  tf.dispose(tensors);
}
