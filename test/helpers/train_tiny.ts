// The command line train with a network so small that plain JavaScript trains it at once.
import * as tf from '@tensorflow/tfjs';
import {NETWORKS} from '../../scripts/models.js';

NETWORKS.small = ({classes = 10, seed = 0} = {}) =>
  tf.sequential({
    layers: [
      tf.layers.conv2d({
        inputShape: [32, 32, 3],
        filters: 2,
        kernelSize: 8,
        strides: 8,
        activation: 'relu',
        kernelInitializer: tf.initializers.heNormal({seed}),
      }),
      tf.layers.flatten(),
      tf.layers.dense({
        units: classes,
        activation: 'softmax',
        kernelInitializer: tf.initializers.heNormal({seed: seed + 1}),
      }),
    ],
  });
await import('../../scripts/train.js');
