import * as tf from '@tensorflow/tfjs';

/** Shape of the images, without the batch. */
export const IMAGE_SHAPE = [32, 32, 3] as const;

const IMAGENET_MEAN = [0.485, 0.456, 0.406];
const IMAGENET_STDDEV = [0.229, 0.224, 0.225];

export interface ResnetArgs {
  inputShape?: readonly number[];
  classes?: number;
  seed?: number;
  /** Activation of the last layer. Default 'linear': the model returns logits. */
  activation?: 'linear' | 'softmax';
  /** Factor of the squared weights in the loss, halved. Default 0. */
  weightDecay?: number;
}

/**
 * A ResNet for CIFAR-10 (He et al. 2016, section 4.2) of 6 · blocks + 2 layers:
 * three stages of 16, 32 and 64 channels, with shortcuts without parameters.
 */
export function cifarResnet(
  blocks: number,
  {
    inputShape = IMAGE_SHAPE,
    classes = 10,
    seed = 1,
    activation = 'linear',
    weightDecay = 0,
  }: ResnetArgs = {},
): tf.LayersModel {
  let kernels = 0;
  const init = () => ({
    kernelInitializer: tf.initializers.heNormal({seed: seed + kernels++}),
    kernelRegularizer:
      weightDecay > 0 ? tf.regularizers.l2({l2: weightDecay / 2}) : undefined,
  });
  const apply = (layer: tf.layers.Layer, x: tf.SymbolicTensor) =>
    layer.apply(x) as tf.SymbolicTensor;
  const relu = (x: tf.SymbolicTensor) => apply(tf.layers.reLU(), x);
  /** 3 × 3, one pixel of padding on all sides, then batch normalization. */
  const convolution = (
    x: tf.SymbolicTensor,
    filters: number,
    name: string,
    norm: string,
    strides = 1,
  ) => {
    // 'same' would pad strided convolutions at the bottom and right only.
    const padded =
      strides === 1
        ? x
        : apply(
            tf.layers.zeroPadding2d({
              padding: [
                [1, 0],
                [1, 0],
              ],
            }),
            x,
          );
    const conv = tf.layers.conv2d({
      filters,
      kernelSize: 3,
      strides,
      padding: strides === 1 ? 'same' : 'valid',
      useBias: false,
      name,
      ...init(),
    });
    const normalize = tf.layers.batchNormalization({
      epsilon: 1e-5,
      momentum: 0.9,
      name: norm,
    });
    return apply(normalize, apply(conv, padded));
  };

  const image = tf.input({shape: [...inputShape]});
  let x = relu(convolution(image, 16, 'conv1', 'bn1'));
  for (const [stage, filters] of [16, 32, 64].entries()) {
    for (let block = 0; block < blocks; block++) {
      const name = `layer${stage + 1}_${block}`;
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const [conv1, bn1] = [`${name}_conv1`, `${name}_bn1`];
      let y = relu(convolution(x, filters, conv1, bn1, stride));
      y = convolution(y, filters, `${name}_conv2`, `${name}_bn2`);
      const shortcut = stride === 1 ? x : apply(new HalvingShortcut({}), x);
      x = relu(tf.layers.add().apply([y, shortcut]) as tf.SymbolicTensor);
    }
  }
  const pooled = apply(tf.layers.globalAveragePooling2d({}), x);
  const dense = tf.layers.dense({
    units: classes,
    name: 'linear',
    activation,
    ...init(),
  });
  return tf.model({inputs: image, outputs: apply(dense, pooled)});
}

/**
 * Every second pixel of every second row, with as many channels of zeros added as
 * there are, half of them before and half behind ("option A", section 3.3).
 */
class HalvingShortcut extends tf.layers.Layer {
  static className = 'HalvingShortcut';

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const [x] = [inputs].flat();
      const [n, h, w, c] = x.shape;
      // Strided slices have no gradient in tfjs, so pairs of rows and of pixels
      // become rows and pixels, whose first halves are kept.
      const kept = x
        .reshape<tf.Tensor4D>([(n * h) / 2, 2, w / 2, 2 * c])
        .slice([0, 0, 0, 0], [(n * h) / 2, 1, w / 2, c])
        .reshape<tf.Tensor4D>([n, h / 2, w / 2, c]);
      const before = Math.floor(c / 2);
      return tf.pad4d(kept, [
        [0, 0],
        [0, 0],
        [0, 0],
        [before, c - before],
      ]);
    });
  }

  override computeOutputShape([n, h, w, c]: tf.Shape): tf.Shape {
    return [n, h! / 2, w! / 2, 2 * c!];
  }
}

/** Logits of images in [0, 1], normalized with ImageNet's mean and stddev. */
export function logits(
  model: tf.LayersModel,
  images: tf.Tensor,
  training = false,
): tf.Tensor {
  const centered = tf.sub(images, IMAGENET_MEAN);
  return model.apply(tf.div(centered, IMAGENET_STDDEV), {
    training,
  }) as tf.Tensor;
}
