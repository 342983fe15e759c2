import * as tf from '@tensorflow/tfjs';
import {saveModel} from '../../src/node.js';

/** A model of 32 × 32 images that plain JavaScript attacks at once. */
export async function tinyModel(folder: string, seed: number): Promise<string> {
  const init = (i: number) =>
    tf.initializers.varianceScaling({
      scale: 3,
      mode: 'fanIn',
      distribution: 'normal',
      seed: 10 * seed + i,
    });
  const model = tf.sequential({
    layers: [
      tf.layers.conv2d({
        inputShape: [32, 32, 3],
        filters: 2,
        kernelSize: 4,
        strides: 4,
        activation: 'relu',
        kernelInitializer: init(1),
      }),
      tf.layers.flatten(),
      tf.layers.dense({units: 10, kernelInitializer: init(2)}),
    ],
  });
  await saveModel(model, folder);
  model.dispose();
  return folder;
}
