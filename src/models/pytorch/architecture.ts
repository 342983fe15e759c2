import type {Checkpoint} from './checkpoint.js';

/** A layer's weights: their names and shapes in PyTorch, in tfjs's order. */
export interface LayerWeights {
  /** The tfjs layer. */
  layer: string;
  weights: {key: string; shape: number[]}[];
}

/** A network that a checkpoint turned out to hold. */
export interface Architecture {
  kind: 'resnet' | 'wideresnet';
  /** Residual blocks in each stage. */
  blocks: number;
  /** Factor of the channels; 1 for a plain ResNet. */
  widen: number;
  classes: number;
  /** Channels of the images. */
  channels: number;
  layers: LayerWeights[];
}

/**
 * Recognizes a CIFAR ResNet with option-A shortcuts or a WideResNet by the
 * names of its weights.
 *
 * @throws why it is neither, as the second half of a sentence.
 */
export function recognize(checkpoint: Checkpoint): Architecture {
  const has = (key: string) => checkpoint.has(key);
  const dimension = (key: string, axis: number) =>
    checkpoint.get(key)?.shape[axis] ?? 0;
  const channels = dimension('conv1.weight', 1);
  if (has('layer1.0.conv1.weight') && has('linear.weight')) {
    const blocks = count(i => has(`layer1.${i}.conv1.weight`));
    const classes = dimension('linear.weight', 0);
    const layers = resnetLayers(blocks, classes, channels);
    return {kind: 'resnet', blocks, widen: 1, classes, channels, layers};
  }
  if (has('block1.layer.0.conv1.weight') && has('fc.weight')) {
    const blocks = count(i => has(`block1.layer.${i}.conv1.weight`));
    const widen = dimension('block1.layer.0.conv1.weight', 0) / 16;
    if (!Number.isInteger(widen) || widen < 1) {
      throw new Error(
        `its first block has ${16 * widen} channels, which is no multiple of 16`,
      );
    }
    const classes = dimension('fc.weight', 0);
    const layers = wideResnetLayers(blocks, widen, classes, channels);
    return {kind: 'wideresnet', blocks, widen, classes, channels, layers};
  }
  throw new Error(
    'its names are neither those of a CIFAR ResNet (conv1, layer1.0.conv1, …, linear) nor of a WideResNet (conv1, block1.layer.0.conv1, …, fc)',
  );
}

function count(there: (i: number) => boolean): number {
  let i = 0;
  while (there(i)) i++;
  return i;
}

const layerName = (key: string) => key.replaceAll('.', '_');

function convolution(
  key: string,
  inputs: number,
  outputs: number,
  size = 3,
): LayerWeights {
  const shape = [outputs, inputs, size, size];
  return {layer: layerName(key), weights: [{key: `${key}.weight`, shape}]};
}

function batchNorm(key: string, channels: number): LayerWeights {
  const names = ['weight', 'bias', 'running_mean', 'running_var'];
  return {
    layer: layerName(key),
    weights: names.map(n => ({key: `${key}.${n}`, shape: [channels]})),
  };
}

function dense(key: string, inputs: number, outputs: number): LayerWeights {
  return {
    layer: layerName(key),
    weights: [
      {key: `${key}.weight`, shape: [outputs, inputs]},
      {key: `${key}.bias`, shape: [outputs]},
    ],
  };
}

function resnetLayers(blocks: number, classes: number, channels: number) {
  const layers = [convolution('conv1', channels, 16), batchNorm('bn1', 16)];
  let inputs = 16;
  for (const [stage, filters] of [16, 32, 64].entries()) {
    for (let i = 0; i < blocks; i++) {
      const name = `layer${stage + 1}.${i}`;
      layers.push(
        convolution(`${name}.conv1`, inputs, filters),
        batchNorm(`${name}.bn1`, filters),
        convolution(`${name}.conv2`, filters, filters),
        batchNorm(`${name}.bn2`, filters),
      );
      inputs = filters;
    }
  }
  return [...layers, dense('linear', inputs, classes)];
}

function wideResnetLayers(
  blocks: number,
  widen: number,
  classes: number,
  channels: number,
) {
  const layers = [convolution('conv1', channels, 16)];
  let inputs = 16;
  for (const [stage, width] of [16, 32, 64].entries()) {
    const filters = width * widen;
    for (let i = 0; i < blocks; i++) {
      const name = `block${stage + 1}.layer.${i}`;
      layers.push(
        batchNorm(`${name}.bn1`, inputs),
        convolution(`${name}.conv1`, inputs, filters),
        batchNorm(`${name}.bn2`, filters),
        convolution(`${name}.conv2`, filters, filters),
      );
      if (inputs !== filters) {
        layers.push(convolution(`${name}.convShortcut`, inputs, filters, 1));
      }
      inputs = filters;
    }
  }
  return [...layers, batchNorm('bn1', inputs), dense('fc', inputs, classes)];
}
