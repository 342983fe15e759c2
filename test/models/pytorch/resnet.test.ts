import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {resnetFromPyTorch} from '../../../src/models/pytorch/resnet.js';
import {cifarResnet} from '../../../src/models/resnet.js';
import {wideResnet} from '../../../src/models/wideresnet.js';
import * as p from '../../helpers/pickle.js';

type Weights = Record<string, {shape: number[]; data: Float32Array}>;

/** The state dict that PyTorch would have for our model. */
function stateDict(model: tf.LayersModel): Weights {
  const weights: Weights = {};
  for (const layer of model.layers) {
    const tensors = layer.getWeights();
    const names =
      tensors.length === 4
        ? ['weight', 'bias', 'running_mean', 'running_var']
        : ['weight', 'bias'];
    const key = layer.name
      .replace(/^(layer\d)_(\d+)_/, '$1.$2.')
      .replace(/^(block\d)_layer_(\d+)_/, '$1.layer.$2.');
    tensors.forEach((tensor, i) => {
      const value = tf.tidy(() =>
        tensor.rank === 4
          ? tensor.transpose([3, 2, 0, 1])
          : tensor.rank === 2
            ? tensor.transpose()
            : tensor.clone(),
      );
      const data = Float32Array.from(value.dataSync());
      weights[`${key}.${names[i]}`] = {shape: value.shape, data};
      value.dispose();
    });
  }
  return weights;
}

/** A checkpoint file of these weights. */
function file(weights: Weights, prefix = ''): Buffer {
  const entries = Object.entries(weights);
  return p.stream(
    p.dict(
      Object.fromEntries(
        entries.map(([key, {shape}], i) => [
          prefix + key,
          p.tensor(shape, {key: String(i)}),
        ]),
      ),
    ),
    Object.fromEntries(
      entries.map(([, {data}], i) => [
        String(i),
        {size: data.length, data: new Uint8Array(data.buffer)},
      ]),
    ),
  );
}

/** Statistics other than 0 and 1, as after training. */
function trained(model: tf.LayersModel): tf.LayersModel {
  tf.tidy(() =>
    model.setWeights(
      model
        .getWeights()
        .map((w, i) =>
          w.rank === 1 ? tf.randomUniform(w.shape, 0.5, 1.5, 'float32', i) : w,
        ),
    ),
  );
  return model;
}

const inputShape: [number, number, number] = [8, 8, 3];
const imageSize: [number, number] = [8, 8];
const outputs = (model: tf.LayersModel, channels = 3) =>
  tf.tidy(() => {
    const images = tf.randomUniform([2, 8, 8, channels], 0, 1, 'float32', 1);
    return [...(model.predict(images) as tf.Tensor).dataSync()];
  });

for (const [name, make, options] of [
  ['ResNet-8', () => cifarResnet(1, {inputShape, seed: 1}), {}],
  [
    'ResNet-14 of 7 classes',
    () => cifarResnet(2, {inputShape, seed: 1, classes: 7}),
    {},
  ],
  [
    'gray ResNet-8',
    () =>
      cifarResnet(1, {
        inputShape: [8, 8, 1],
        seed: 1,
        normalization: null,
      }),
    {},
  ],
  [
    'ResNet-8 to logits, not normalized',
    () =>
      cifarResnet(1, {
        inputShape,
        seed: 1,
        normalization: null,
        output: 'logits',
      }),
    {normalization: null, output: 'logits'},
  ],
  ['WideResNet-10-1', () => wideResnet(10, 1, {inputShape, seed: 1}), {}],
  ['WideResNet-16-2', () => wideResnet(16, 2, {inputShape, seed: 1}), {}],
] as [
  string,
  () => tf.LayersModel,
  Parameters<typeof resnetFromPyTorch>[1],
][]) {
  test.serial(`${name} comes back from its weights`, async t => {
    const before = tf.memory().numTensors;
    const model = trained(make());
    const bytes = file(stateDict(model), 'module.');
    const read = await resnetFromPyTorch(bytes, {...options, imageSize});
    t.deepEqual(read.inputs[0].shape, model.inputs[0].shape);
    t.is(read.name, model.name);
    const channels = model.inputs[0].shape[3]!;
    t.deepEqual(outputs(read, channels), outputs(model, channels));
    model.dispose();
    read.dispose();
    t.is(tf.memory().numTensors, before);
  });
}

/** Weights of a ResNet-8, changed. */
function changed(change: (weights: Weights) => void): Buffer {
  const model = cifarResnet(1, {inputShape});
  const weights = stateDict(model);
  model.dispose();
  change(weights);
  return file(weights);
}

const vector = (...shape: number[]) => ({
  shape,
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
});

test.serial('what PyTorch counts besides is passed over', async t => {
  const model = await resnetFromPyTorch(
    changed(weights => {
      weights['bn1.num_batches_tracked'] = vector();
      weights['sub_block1.layer.0.bn1.weight'] = vector(16);
    }),
  );
  t.is(model.name, 'resnet8');
  model.dispose();
});

for (const [name, change, message] of [
  [
    'missing weights',
    w => {
      delete w['layer2.0.bn1.running_var'];
      delete w['linear.bias'];
    },
    /it lacks layer2\.0\.bn1\.running_var, linear\.bias\.$/,
  ],
  [
    'option-B shortcuts',
    w => {
      w['layer2.0.shortcut.0.weight'] = vector(32, 16, 1, 1);
    },
    /it has besides layer2\.0\.shortcut\.0\.weight\.$/,
  ],
  [
    'weights of another shape',
    w => {
      w['layer1.0.conv2.weight'] = vector(16, 16, 5, 5);
    },
    /of another shape are layer1\.0\.conv2\.weight \(16×16×5×5, not 16×16×3×3\)\.$/,
  ],
  [
    'numbers that are none',
    w => {
      w['bn1.running_var'].data[3] = NaN;
      w['linear.weight'].data[0] = -Infinity;
    },
    /not all numbers are finite in bn1\.running_var, linear\.weight\.$/,
  ],
  [
    'stages of unequal depth',
    w => {
      w['layer1.1.conv1.weight'] = vector(16, 16, 3, 3);
    },
    /it lacks layer1\.1\.bn1\.weight, .* and \d+ more\.$/,
  ],
  [
    'another network',
    w => {
      delete w['linear.weight'];
    },
    /neither those of a CIFAR ResNet/,
  ],
  [
    'a vector for a kernel',
    w => {
      w['conv1.weight'] = vector(16);
    },
    /conv1\.weight \(16, not 16×0×3×3\)/,
  ],
] as [string, (weights: Weights) => void, RegExp][]) {
  test.serial(`refused: ${name}`, async t => {
    const before = tf.memory().numTensors;
    const bytes = changed(change);
    await t.throwsAsync(resnetFromPyTorch(bytes), {message});
    t.is(tf.memory().numTensors, before);
  });
}

test.serial('a width that asks for all memory is refused', async t => {
  const before = tf.memory().numTensors;
  const bytes = file({
    'conv1.weight': vector(16, 3, 3, 3),
    'block1.layer.0.conv1.weight': vector(160_000, 16),
    'fc.weight': vector(10, 640_000),
  });
  await t.throwsAsync(resnetFromPyTorch(bytes), {
    message:
      /it lacks .*; of another shape are block1\.layer\.0\.conv1\.weight/,
  });
  t.is(tf.memory().numTensors, before);
});
