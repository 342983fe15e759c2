import type * as tf from '@tensorflow/tfjs';
import {ShortcutLayer} from './layers.js';
import {
  Builder,
  IMAGENET_NORMALIZATION,
  type ClassifierOptions,
} from './builder.js';

/**
 * A CIFAR ResNet (He et al. 2016, "Deep Residual Learning for Image
 * Recognition", section 4.2) of `6 · blocks + 2` layers: three stages of 16,
 * 32 and 64 channels, shortcuts without parameters (option A), batch
 * normalization as in PyTorch (ε = 1e-5, momentum 0.9), strided convolutions
 * padded by one pixel on all sides as there.
 *
 * Layers carry the names of the widely used PyTorch implementation
 * (`conv1`, `bn1`, `layer1.0.conv1`, … `linear`), with `_` for the dot, so that
 * weights map one to one.
 *
 * @param blocks residual blocks in each of the three stages.
 * @returns images `[N, height, width, channels]` in [0, 1] → `[N, classes]`.
 * @throws when an option is out of its range.
 */
export function cifarResnet(
  blocks: number,
  options: ClassifierOptions = {},
): tf.LayersModel {
  if (!Number.isInteger(blocks) || blocks < 1) {
    throw new Error(
      `blocks must be a whole number, 1 or more, but it is ${blocks}.`,
    );
  }
  const net = new Builder(`resnet${6 * blocks + 2}`, {
    normalization: IMAGENET_NORMALIZATION,
    ...options,
  });
  let x = net.convolution(net.input(4), 16, 'conv1');
  x = net.relu(net.batchNorm(x, 'bn1'), 'relu1');
  for (const [stage, filters] of [16, 32, 64].entries()) {
    for (let block = 0; block < blocks; block++) {
      const name = `layer${stage + 1}_${block}`;
      const halve = stage > 0 && block === 0;
      let y = net.convolution(x, filters, `${name}_conv1`, halve ? 2 : 1);
      y = net.relu(net.batchNorm(y, `${name}_bn1`), `${name}_relu1`);
      y = net.convolution(y, filters, `${name}_conv2`);
      y = net.batchNorm(y, `${name}_bn2`);
      const shortcut = halve
        ? net.apply(new ShortcutLayer({name: `${name}_shortcut`, filters}), x)
        : x;
      x = net.relu(net.add(y, shortcut, `${name}_add`), `${name}_relu2`);
    }
  }
  return net.classifier(x, 'linear');
}

/** ResNet-20, 0.27 million parameters; see {@link cifarResnet}. */
export const resnet20 = (options?: ClassifierOptions) =>
  cifarResnet(3, options);

/** ResNet-32, 0.46 million parameters; see {@link cifarResnet}. */
export const resnet32 = (options?: ClassifierOptions) =>
  cifarResnet(5, options);

/** ResNet-56, 0.85 million parameters; see {@link cifarResnet}. */
export const resnet56 = (options?: ClassifierOptions) =>
  cifarResnet(9, options);
