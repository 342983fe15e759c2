import type * as tf from '@tensorflow/tfjs';
import {
  Builder,
  IMAGENET_NORMALIZATION,
  type ClassifierOptions,
} from './builder.js';

/** Options of {@link smallCnn}. */
export interface SmallCnnOptions extends ClassifierOptions {
  /** Channels of the first convolution; later ones have 2 and 4 times them. */
  width?: number;
  /** Batch normalization after each convolution. Default true. */
  batchNorm?: boolean;
}

/**
 * Four 3×3 convolutions, the second and the last halving the image: small
 * enough to be trained on a CPU in minutes, for demonstrations and tests.
 *
 * @returns images `[N, height, width, channels]` in [0, 1] → `[N, classes]`.
 * @throws when an option is out of its range.
 */
export function smallCnn(options: SmallCnnOptions = {}): tf.LayersModel {
  const {width = 32, batchNorm = true} = options;
  if (!Number.isInteger(width) || width < 1) {
    throw new Error(
      `width must be a whole number, 1 or more, but it is ${width}.`,
    );
  }
  const net = new Builder('smallcnn', {
    normalization: IMAGENET_NORMALIZATION,
    ...options,
  });
  let x = net.input(4);
  const layers = [
    {filters: width, stride: 1},
    {filters: 2 * width, stride: 2},
    {filters: 2 * width, stride: 1},
    {filters: 4 * width, stride: 2},
  ];
  for (const [i, {filters, stride}] of layers.entries()) {
    x = net.convolution(x, filters, `conv${i + 1}`, stride);
    if (batchNorm) x = net.batchNorm(x, `bn${i + 1}`);
    x = net.relu(x, `relu${i + 1}`);
  }
  return net.classifier(x, 'linear');
}
