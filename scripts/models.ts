import {stat} from 'node:fs/promises';
import type * as tf from '@tensorflow/tfjs';
import {
  resnet20,
  resnet32,
  resnet56,
  smallCnn,
  wideResnet34x10,
} from '../src/index.js';
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

/** A folder with a layers model or a graph model, or a PyTorch checkpoint (`.pt`) of a CIFAR ResNet. */
export async function readModel(
  path: string,
): Promise<tf.LayersModel | tf.GraphModel> {
  const found = await stat(path).catch(() => null);
  if (!found) {
    throw new Error(
      `There is no ${path}. --model takes a folder with a model.json and its weights, or a PyTorch checkpoint of a CIFAR ResNet.`,
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
