import {createHash} from 'node:crypto';
import {stat} from 'node:fs/promises';
import {basename, dirname, extname, join} from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import {readRegularFile} from '../io/cache.js';
import {loadKeras} from '../models/keras/load_keras.js';
import {
  loadGraphModel,
  loadModel,
  resnetFromPyTorch,
  robustFolder,
} from '../node.js';

/** Before the name of a trained model that comes with us: `robust:C+S+D`. */
const ROBUST = 'robust:';

/** What `--model` takes, for `--help`. */
export const MODEL_HELP =
  'a folder with model.json and its weights (layers or graph model), a Keras file (.keras or .h5), a PyTorch checkpoint (.pt) of a CIFAR ResNet, or robust: and a row of the paper';

/** The path of a model's file or folder. */
export async function modelPath(given: string): Promise<string> {
  if (given.startsWith(ROBUST)) return robustFolder(given.slice(ROBUST.length));
  if (await stat(given).catch(() => null)) return given;
  throw new Error(
    `${given || "''"}: no such file or folder. A model is ${MODEL_HELP}.`,
  );
}

/** Whether a path is of a single file, and not of a model.json or its folder. */
async function isSingleFile(path: string): Promise<boolean> {
  return !(await stat(path)).isDirectory() && !path.endsWith('.json');
}

/** A model of any of the kinds that {@link MODEL_HELP} names. */
export async function readModel(
  given: string,
): Promise<tf.LayersModel | tf.GraphModel> {
  const path = await modelPath(given);
  if (await isSingleFile(path)) {
    return /^\.(h5|hdf5|keras)$/i.test(extname(path))
      ? loadKeras(path)
      : resnetFromPyTorch(path);
  }
  try {
    return await loadModel(path);
  } catch (error) {
    if (!/graph model/.test((error as Error).message)) throw error;
    return loadGraphModel(path);
  }
}

/** The files of a model, a model.json before its weights. */
export async function modelFiles(
  given: string,
): Promise<Array<{name: string; file: string}>> {
  const path = await modelPath(given);
  if (await isSingleFile(path)) return [{name: basename(path), file: path}];
  const folder = (await stat(path)).isDirectory();
  const json = folder ? join(path, 'model.json') : path;
  const manifest = (
    JSON.parse((await readRegularFile(json)).toString()) as tf.io.ModelJSON
  ).weightsManifest;
  const weights = manifest.flatMap(group => group.paths);
  return [
    {name: 'model.json', file: json},
    ...weights.map(name => ({name, file: join(dirname(json), name)})),
  ];
}

/** SHA-256 of the contents of all files of a model: it identifies the model wherever it lies. */
export async function modelDigest(given: string): Promise<string> {
  const hash = createHash('sha256');
  for (const {file} of await modelFiles(given)) {
    hash.update(await readRegularFile(file));
  }
  return hash.digest('hex');
}
