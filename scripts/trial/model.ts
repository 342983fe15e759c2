import * as tf from '@tensorflow/tfjs';
import {saveModel} from '../../src/node.js';

/** A network that plain JavaScript attacks in a moment. */
export async function smallModel(folder: string): Promise<void> {
  const init = (seed: number) =>
    tf.initializers.varianceScaling({
      ...{scale: 3, mode: 'fanIn', distribution: 'normal'},
      seed,
    });
  const model = tf.sequential({
    layers: [
      tf.layers.conv2d({
        ...{inputShape: [32, 32, 3], filters: 2, kernelSize: 4, strides: 4},
        ...{activation: 'relu', kernelInitializer: init(11)},
      }),
      tf.layers.flatten(),
      tf.layers.dense({units: 10, kernelInitializer: init(12)}),
    ],
  });
  await saveModel(model, folder);
  model.dispose();
}
