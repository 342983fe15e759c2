import * as tf from '@tensorflow/tfjs';
import {
  IMAGENET_NORMALIZATION,
  NormalizationLayer,
} from '../../../src/index.js';

/** Stages: blocks, kernel, stride of the first block, expansion, filters. */
const STAGES = [
  [1, 3, 1, 1, 16],
  [2, 3, 2, 6, 24],
  [2, 5, 2, 6, 40],
  [3, 3, 2, 6, 80],
  [3, 5, 1, 6, 112],
  [4, 5, 2, 6, 192],
  [1, 3, 1, 6, 320],
];

/**
 * EfficientNet-Lite0: EfficientNet-B0 (Tan & Le 2019, "EfficientNet", table 1)
 * without squeeze-and-excitation and with ReLU6, 4.65 million parameters. Its
 * kernels are zero: they come from a file.
 *
 * Layers have the names of the PyTorch weights, less the `_` that begins each part.
 *
 * @returns images `[N, 224, 224, 3]` in [0, 1] → logits `[N, 1000]`.
 */
export function efficientNetLite0(): tf.LayersModel {
  const images = tf.input({shape: [224, 224, 3], name: 'images'});
  let x = apply(
    new NormalizationLayer({name: 'normalization', ...IMAGENET_NORMALIZATION}),
    images,
  );
  x = convolution(x, 32, 3, 2, 'conv_stem');
  x = relu6(batchNorm(x, 'bn0'));
  let block = 0;
  let channels = 32;
  for (const [blocks, kernel, firstStride, expansion, filters] of STAGES) {
    for (let i = 0; i < blocks; i++) {
      const name = `blocks.${block++}.`;
      const stride = i === 0 ? firstStride : 1;
      let y = x;
      if (expansion > 1) {
        const wide = channels * expansion;
        y = convolution(y, wide, 1, 1, `${name}expand_conv`);
        y = relu6(batchNorm(y, `${name}bn0`));
      }
      y = depthwise(y, kernel, stride, `${name}depthwise_conv`);
      y = relu6(batchNorm(y, `${name}bn1`));
      y = convolution(y, filters, 1, 1, `${name}project_conv`);
      y = batchNorm(y, `${name}bn2`);
      const same = stride === 1 && channels === filters;
      x = same ? (tf.layers.add().apply([y, x]) as tf.SymbolicTensor) : y;
      channels = filters;
    }
  }
  x = convolution(x, 1280, 1, 1, 'conv_head');
  x = relu6(batchNorm(x, 'bn1'));
  x = apply(tf.layers.globalAveragePooling2d({}), x);
  const zeros = {kernelInitializer: 'zeros'} as const;
  const outputs = apply(
    tf.layers.dense({units: 1000, name: 'fc', ...zeros}),
    x,
  );
  return tf.model({inputs: images, outputs, name: 'efficientnet_lite0'});
}

const apply = (layer: tf.layers.Layer, x: tf.SymbolicTensor) =>
  layer.apply(x) as tf.SymbolicTensor;

const convolution = (
  x: tf.SymbolicTensor,
  filters: number,
  kernelSize: number,
  strides: number,
  name: string,
) =>
  apply(
    tf.layers.conv2d({
      ...{filters, kernelSize, strides, name},
      padding: 'same',
      useBias: false,
      kernelInitializer: 'zeros',
    }),
    x,
  );

const depthwise = (
  x: tf.SymbolicTensor,
  kernelSize: number,
  strides: number,
  name: string,
) =>
  apply(
    tf.layers.depthwiseConv2d({
      ...{kernelSize, strides, name},
      padding: 'same',
      useBias: false,
      depthwiseInitializer: 'zeros',
    }),
    x,
  );

const batchNorm = (x: tf.SymbolicTensor, name: string) =>
  apply(tf.layers.batchNormalization({epsilon: 1e-3, name}), x);

const relu6 = (x: tf.SymbolicTensor) => apply(tf.layers.reLU({maxValue: 6}), x);
