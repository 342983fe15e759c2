import * as tf from '@tensorflow/tfjs';
import {checkImages} from '../data/validate.js';

/** The network whose features are compared. */
export type LpipsNetwork = 'alex' | 'vgg';

/** What {@link lpips} is computed with. */
export interface LpipsWeights {
  /** Whose layers are compared. */
  network: LpipsNetwork;
  /** Kernels [height, width, in, out] and biases [out] of the convolutions, in order. */
  convolutions: {kernel: tf.Tensor4D; bias: tf.Tensor1D}[];
  /** Weights of the channels of each of the five layers compared: [1, 1, 1, channels]. */
  linear: tf.Tensor4D[];
}

type Step = 'pool' | {stride: number; pad: number; compared: boolean};

const step = (compared: boolean, stride = 1, pad = 1): Step => ({
  stride,
  pad,
  compared,
});

/** What follows what, each convolution with its ReLU. */
const STEPS: Record<LpipsNetwork, Step[]> = {
  alex: [
    step(true, 4, 2),
    'pool',
    step(true, 1, 2),
    'pool',
    step(true),
    step(true),
    step(true),
  ],
  vgg: [2, 2, 3, 3, 3].flatMap((convolutions, stage) => [
    ...(stage > 0 ? (['pool'] as const) : []),
    ...Array.from({length: convolutions}, (_, i) =>
      step(i === convolutions - 1),
    ),
  ]),
};

const POOL: Record<LpipsNetwork, number> = {alex: 3, vgg: 2};
/** Smaller images have no features left at the last layer. */
const SMALLEST: Record<LpipsNetwork, number> = {alex: 31, vgg: 16};

/** Mean and standard deviation of each channel, for images in [−1, 1]. */
const SHIFT = [-0.03, -0.088, -0.188];
const SCALE = [0.458, 0.448, 0.45];

/**
 * Learned Perceptual Image Patch Similarity, version 0.1: how differently two
 * images look to people. At five layers of a network trained on ImageNet,
 * features are brought to unit length over the channels, their squared
 * differences weighted, summed over channels and averaged over positions.
 *
 * Source: Zhang et al. 2018, equation 1.
 *
 * @param a Images [N, H, W, 3] in [0, 1].
 * @param b As many of the same size.
 * @param weights From `loadLpips` (tfjs-adversarial/node).
 * @returns Distances [N], 0 for equal images.
 * @throws one sentence: not RGB images in [0, 1], not of one shape, too small.
 */
export function lpips(
  a: tf.Tensor4D,
  b: tf.Tensor4D,
  weights: LpipsWeights,
): tf.Tensor1D {
  checkPair(a, b, weights.network);
  return tf.tidy(() => {
    const n = a.shape[0];
    const layers = features(tf.concat([a, b]), weights);
    const distances = layers.map((layer, i) => {
      const unit = tf.div(
        layer,
        tf.add(tf.sqrt(tf.sum(tf.square(layer), -1, true)), 1e-10),
      );
      const [first, second] = tf.split(unit, [n, n]);
      const weighted = tf.mul(
        tf.square(tf.sub(first, second)),
        weights.linear[i],
      );
      return tf.mean(tf.sum(weighted, -1), [1, 2]);
    });
    return tf.addN(distances) as tf.Tensor1D;
  });
}

/** The five layers' activations. */
function features(
  images: tf.Tensor4D,
  {network, convolutions}: LpipsWeights,
): tf.Tensor4D[] {
  const scaled = tf.sub(tf.mul(images, 2), 1);
  let x = tf.div(tf.sub(scaled, SHIFT), SCALE) as tf.Tensor4D;
  const compared: tf.Tensor4D[] = [];
  let next = 0;
  for (const step of STEPS[network]) {
    if (step === 'pool') {
      x = tf.maxPool(x, POOL[network], 2, 'valid');
      continue;
    }
    const {kernel, bias} = convolutions[next++];
    const {stride, pad} = step;
    const padded = tf.pad(x, [
      [0, 0],
      [pad, pad],
      [pad, pad],
      [0, 0],
    ]) as tf.Tensor4D;
    const sum = tf.add(tf.conv2d(padded, kernel, stride, 'valid'), bias);
    x = tf.relu(sum as tf.Tensor4D);
    if (step.compared) compared.push(x);
  }
  return compared;
}

function checkPair(
  a: tf.Tensor4D,
  b: tf.Tensor4D,
  network: LpipsNetwork,
): void {
  checkImages(a);
  checkImages(b);
  if (a.shape.join() !== b.shape.join()) {
    throw new Error(
      `lpips compares images of one shape, but got [${a.shape}] and [${b.shape}].`,
    );
  }
  const [, height, width, channels] = a.shape;
  const smallest = SMALLEST[network];
  if (channels !== 3 || height < smallest || width < smallest) {
    throw new Error(
      `lpips with the network '${network}' needs RGB images of at least ${smallest}×${smallest}, but they are [${a.shape}].`,
    );
  }
}
