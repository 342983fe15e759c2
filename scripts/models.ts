import * as tf from '@tensorflow/tfjs';
import {readModel} from '../src/cli/models.js';
import {
  countClasses,
  resnet20,
  resnet32,
  resnet56,
  smallCnn,
  wideResnet34x10,
} from '../src/index.js';

export {modelDigest, modelFiles, readModel} from '../src/cli/models.js';

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
