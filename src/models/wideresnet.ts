import type * as tf from '@tensorflow/tfjs';
import {Builder, type ClassifierOptions} from './builder.js';

/**
 * A wide residual network (Zagoruyko & Komodakis 2016): pre-activation blocks,
 * three stages of `16 · widen`, `32 · widen` and `64 · widen` channels, 1×1
 * convolutions where the number of channels changes. Laid out as in the code
 * that TRADES (Zhang et al. 2019) was published with, which feeds it images in
 * [0, 1] without normalization; give `normalization` to have one.
 *
 * Layer names are those of that code's modules with `_` for the dot
 * (`block1_layer_0_conv1`, …, `fc`).
 *
 * @param depth 6 · blocks + 4.
 * @returns images `[N, height, width, channels]` in [0, 1] → `[N, classes]`.
 * @throws when an option is out of its range.
 */
export function wideResnet(
  depth: number,
  widen: number,
  options: ClassifierOptions = {},
): tf.LayersModel {
  const blocks = (depth - 4) / 6;
  if (!Number.isInteger(blocks) || blocks < 1) {
    throw new Error(
      `The depth of a WideResNet is 10, 16, 22, … (6 · blocks + 4), not ${depth}.`,
    );
  }
  if (!Number.isInteger(widen) || widen < 1) {
    throw new Error(
      `widen must be a whole number, 1 or more, but it is ${widen}.`,
    );
  }
  const net = new Builder(`wideresnet${depth}x${widen}`, options);
  let channels = 16;
  let x = net.convolution(net.input(4), channels, 'conv1');
  for (const [stage, width] of [16, 32, 64].entries()) {
    const filters = width * widen;
    for (let block = 0; block < blocks; block++) {
      const name = `block${stage + 1}_layer_${block}`;
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const active = net.relu(net.batchNorm(x, `${name}_bn1`), `${name}_relu1`);
      let y = net.convolution(active, filters, `${name}_conv1`, stride);
      y = net.relu(net.batchNorm(y, `${name}_bn2`), `${name}_relu2`);
      y = net.convolution(y, filters, `${name}_conv2`);
      const shortcut =
        channels === filters
          ? x
          : net.projection(active, filters, `${name}_convShortcut`, stride);
      x = net.add(y, shortcut, `${name}_add`);
      channels = filters;
    }
  }
  return net.classifier(net.relu(net.batchNorm(x, 'bn1'), 'relu'), 'fc');
}

/** WideResNet-34-10, 46 million parameters; see {@link wideResnet}. */
export const wideResnet34x10 = (options?: ClassifierOptions) =>
  wideResnet(34, 10, options);
