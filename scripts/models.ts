import {readdir, stat} from 'node:fs/promises';
import {join} from 'node:path';
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
import {
  modelDigest as digestOf,
  readModel as readAnyModel,
} from '../src/cli/models.js';
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

/** A model of any of the kinds that `--model` takes. */
export function readModel(
  given: string,
): Promise<tf.LayersModel | tf.GraphModel> {
  return readAnyModel(given, robustFolder);
}

/** SHA-256 of the contents of all files of a model: it identifies the model wherever it lies. */
export function modelDigest(given: string): Promise<string> {
  return digestOf(given, robustFolder);
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
