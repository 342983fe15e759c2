import {readdir, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import type * as tf from '@tensorflow/tfjs';
import {
  resnet20,
  resnet32,
  resnet56,
  smallCnn,
  wideResnet34x10,
} from '../src/index.js';
import {findDefense, folderName} from './defenses.js';
import {loadGraphModel, loadModel, resnetFromPyTorch} from '../src/node.js';

/** Networks that `train` can make. */
export const NETWORKS = {
  resnet20,
  resnet32,
  resnet56,
  wideresnet: wideResnet34x10,
  small: smallCnn,
};

export type NetworkName = keyof typeof NETWORKS;

/** Before the name of a row, for the model of this repository that was trained with it. */
const ROBUST = 'robust:';

/**
 * Where this repository keeps its own model of a row, with its card.
 *
 * @throws Error naming the rows that there are.
 */
export async function robustFolder(
  name: string,
  root = fileURLToPath(new URL('../models', import.meta.url)),
): Promise<string> {
  const defense = findDefense(name);
  const folder = join(root, folderName(defense));
  if (await stat(join(folder, 'model.json')).catch(() => null)) return folder;
  const there = await readdir(root).catch(() => []);
  throw new Error(
    `No trained model of ${defense.name} is kept here; there are: ${there.join(', ') || 'none'}. \`npm run train -- --defense '${defense.name}'\` makes one.`,
  );
}

/** A folder with a layers model or a graph model, or a PyTorch checkpoint (`.pt`) of a CIFAR ResNet. */
export async function readModel(
  path: string,
): Promise<tf.LayersModel | tf.GraphModel> {
  if (path.startsWith(ROBUST)) {
    return loadModel(await robustFolder(path.slice(ROBUST.length)));
  }
  const found = await stat(path).catch(() => null);
  if (!found) {
    throw new Error(
      `There is no ${path}. --model takes a folder with a model.json and its weights, robust: and a defense's name, or a PyTorch checkpoint of a CIFAR ResNet.`,
    );
  }
  if (found.isFile() && !path.endsWith('.json')) return resnetFromPyTorch(path);
  try {
    return await loadModel(path);
  } catch (error) {
    if (!/graph model/.test((error as Error).message)) throw error;
    return loadGraphModel(path);
  }
}
