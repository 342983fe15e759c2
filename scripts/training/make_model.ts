import {basename} from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import {grayscale, type ImageSet} from '../../src/index.js';
import {loadModel} from '../../src/node.js';
import type {PaperRow} from '../paper_rows.js';
import {NETWORKS} from '../models.js';
import {makeOptimizer} from './optimizer.js';
import type {Settings} from './settings.js';

/** The compiled model that training begins with. */
export async function makeModel(
  defense: PaperRow,
  settings: Settings,
  {shape, classNames}: ImageSet,
): Promise<tf.LayersModel> {
  const inner = NETWORKS[settings.network]({
    inputShape: [...shape],
    classes: classNames.length,
    weightDecay: settings.weightDecay,
    seed: settings.seed + 1,
  });
  const model = defense.grayscale ? grayscale(inner) : inner;
  if (settings.init) await copyWeights(settings.init, model);
  model.compile({
    optimizer: makeOptimizer(settings),
    loss: 'categoricalCrossentropy',
    metrics: ['accuracy'],
  });
  return model;
}

/** Copies the weights only: the weight decay is the new model's. */
async function copyWeights(folder: string, to: tf.LayersModel): Promise<void> {
  const from = await loadModel(folder);
  const given = from.getWeights();
  const wanted = to.getWeights();
  const fits =
    given.length === wanted.length &&
    given.every((w, i) => String(w.shape) === String(wanted[i].shape));
  if (!fits) {
    throw new Error(
      `The model in ${basename(folder)} is another network than the one to train: --init and --network must agree.`,
    );
  }
  to.setWeights(given);
  from.dispose();
}
