import {createHash} from 'node:crypto';
import {readdir, stat} from 'node:fs/promises';
import {basename, dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import * as tf from '@tensorflow/tfjs';
import {
  countClasses,
  resnet20,
  resnet32,
  resnet56,
  smallCnn,
  wideResnet34x10,
} from '../src/index.js';
import {readRegularFile} from '../src/io/cache.js';
import {loadGraphModel, loadModel, resnetFromPyTorch} from '../src/node.js';
import {findRow, folderName} from './paper_rows.js';

/** Networks that `train` can make. */
export const NETWORKS = {
  resnet20,
  resnet32,
  resnet56,
  wideresnet: wideResnet34x10,
  small: smallCnn,
};

export type NetworkName = keyof typeof NETWORKS;

/** Before the name of a row: the model of this repository that was trained with it. */
const ROBUST = 'robust:';

/**
 * The folder of this repository's own model of a row.
 *
 * @throws Error with the rows that have one.
 */
export async function robustFolder(
  name: string,
  root = fileURLToPath(new URL('../models', import.meta.url)),
): Promise<string> {
  const row = findRow(name);
  const folder = join(root, folderName(row));
  if (await stat(join(folder, 'model.json')).catch(() => null)) return folder;
  const there = await readdir(root).catch(() => []);
  throw new Error(
    `This repository has no trained model of ${row.name}, only of: ${there.join(', ') || 'none'}. \`npm run train -- --defense '${row.name}'\` trains one.`,
  );
}

/** The path of a model's file or folder, of which `robust:ROW` is one way to write it. */
async function modelPath(path: string): Promise<string> {
  if (path.startsWith(ROBUST)) return robustFolder(path.slice(ROBUST.length));
  const found = await stat(path).catch(() => null);
  if (found) return path;
  throw new Error(
    `${path || "''"}: no such file or folder. A model is a folder with a model.json and its weights, robust: and a row of Table 1, or a PyTorch checkpoint of a CIFAR ResNet.`,
  );
}

/** Whether a path is of a checkpoint, and not of a model.json or its folder. */
async function isCheckpoint(path: string): Promise<boolean> {
  return !(await stat(path)).isDirectory() && !path.endsWith('.json');
}

/** A folder with a layers model or a graph model, `robust:ROW`, or a PyTorch checkpoint (`.pt`) of a CIFAR ResNet. */
export async function readModel(
  given: string,
): Promise<tf.LayersModel | tf.GraphModel> {
  const path = await modelPath(given);
  if (await isCheckpoint(path)) return resnetFromPyTorch(path);
  try {
    return await loadModel(path);
  } catch (error) {
    if (!/graph model/.test((error as Error).message)) throw error;
    return loadGraphModel(path);
  }
}

/**
 * A model that classifies CIFAR-10.
 *
 * @throws Error with one sentence if it takes other images or has other classes.
 */
export async function readCifar10Model(
  path: string,
): Promise<tf.LayersModel | tf.GraphModel> {
  const model = await readModel(path);
  const shape = model.inputs[0]?.shape;
  const fits =
    shape?.length === 4 &&
    [32, 32, 3].every((n, i) => {
      // Null, -1 or undefined stand for any size.
      const size = shape[i + 1];
      return size === null || size === undefined || size < 0 || size === n;
    });
  if (shape && !fits) {
    throw new Error(
      `${path} takes inputs of the shape [${shape.slice(1).join(', ')}], but images of CIFAR-10 have the shape [32, 32, 3].`,
    );
  }
  const classes = tf.tidy(() =>
    countClasses(model, tf.zeros([1, 32, 32, 3]) as tf.Tensor4D),
  );
  if (classes !== 10) {
    throw new Error(
      `${path} has ${classes} classes, but CIFAR-10 has 10: it needs a model trained on CIFAR-10.`,
    );
  }
  return model;
}

/** The files of a model, a model.json before its weights. */
export async function modelFiles(
  given: string,
): Promise<Array<{name: string; file: string}>> {
  const path = await modelPath(given);
  if (await isCheckpoint(path)) return [{name: basename(path), file: path}];
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
