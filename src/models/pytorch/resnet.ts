import * as tf from '@tensorflow/tfjs';
import {IMAGENET_NORMALIZATION, type ClassifierOptions} from '../builder.js';
import {cifarResnet} from '../resnet.js';
import {wideResnet} from '../wideresnet.js';
import {recognize, type Architecture} from './architecture.js';
import {
  loadPyTorchCheckpoint,
  type Checkpoint,
  type CheckpointOptions,
} from './checkpoint.js';
import {printable} from './reader.js';
import type {CheckpointTensor} from './tensors.js';

/** What the checkpoint does not say of its network. */
export type FromPyTorchOptions = Pick<
  ClassifierOptions,
  'normalization' | 'output'
> &
  CheckpointOptions & {
    /** Height and width of the images. Default `[32, 32]`. */
    imageSize?: [number, number];
  };

/**
 * Makes a layers model of a PyTorch checkpoint of a CIFAR ResNet (20, 32, 44,
 * 56, … layers, option-A shortcuts) or of a WideResNet as TRADES has it
 * (34-10 and others). Depth, width, classes and channels follow from the
 * weights.
 *
 * Images are `[N, 32, 32, 3]` in [0, 1]. A ResNet of three channels gets the
 * usual normalization, {@link IMAGENET_NORMALIZATION}; any other network none,
 * unless `normalization` is given.
 *
 * @param file path or bytes; see {@link loadPyTorchCheckpoint}.
 * @throws one sentence: what {@link loadPyTorchCheckpoint} throws, or the
 *     names of weights that are missing, unexpected or of another shape.
 */
export async function resnetFromPyTorch(
  file: string | Uint8Array,
  options: FromPyTorchOptions = {},
): Promise<tf.LayersModel> {
  const checkpoint = await loadPyTorchCheckpoint(file, options);
  let architecture: Architecture;
  try {
    architecture = recognize(checkpoint);
    // Before the model is made: a wrong width could ask for any memory.
    compare(checkpoint, architecture);
  } catch (error) {
    const name = typeof file === 'string' ? file : 'The checkpoint';
    const reason = printable((error as Error).message);
    throw new Error(`${name} cannot be used: ${reason}.`, {cause: error});
  }
  const model = build(architecture, options);
  tf.tidy(() => {
    for (const {layer, weights} of architecture.layers) {
      const tensors = weights.map(({key}) => toTfjs(checkpoint.get(key)!));
      model.getLayer(layer).setWeights(tensors);
    }
  });
  return model;
}

function build(
  {kind, blocks, widen, classes, channels}: Architecture,
  options: FromPyTorchOptions,
): tf.LayersModel {
  const [height, width] = options.imageSize ?? [32, 32];
  const usual =
    kind === 'resnet' && channels === 3 ? IMAGENET_NORMALIZATION : null;
  const all: ClassifierOptions = {
    classes,
    inputShape: [height, width, channels],
    normalization:
      options.normalization === undefined ? usual : options.normalization,
    output: options.output,
    initialize: false,
  };
  return kind === 'resnet'
    ? cifarResnet(blocks, all)
    : wideResnet(6 * blocks + 4, widen, all);
}

/** @throws if weights are missing, left over or of another shape. */
function compare(checkpoint: Checkpoint, {layers}: Architecture): void {
  const wanted = layers.flatMap(({weights}) => weights);
  const known = new Set(wanted.map(({key}) => key));
  const missing = wanted
    .map(({key}) => key)
    .filter(key => !checkpoint.has(key));
  const unexpected = [...checkpoint.keys()].filter(
    key => !known.has(key) && !isUnused(key),
  );
  const other = wanted
    .filter(({key, shape}) => {
      const found = checkpoint.get(key)?.shape;
      return found && found.join() !== shape.join();
    })
    .map(
      ({key, shape}) =>
        `${key} (${checkpoint.get(key)!.shape.join('×')}, not ${shape.join('×')})`,
    );
  const damaged = wanted
    .filter(({key}) => !checkpoint.get(key)?.data.every(Number.isFinite))
    .map(({key}) => key)
    .filter(key => checkpoint.has(key));
  const complaints = [
    ['it lacks', missing],
    ['it has besides', unexpected],
    ['of another shape are', other],
    ['not all numbers are finite in', damaged],
  ] as const;
  const told = complaints
    .filter(([, names]) => names.length > 0)
    .map(([what, names]) => `${what} ${some(names)}`);
  if (told.length > 0) throw new Error(told.join('; '));
}

/** Batch counters, and a block that TRADES makes but never calls. */
const isUnused = (key: string) =>
  key.endsWith('.num_batches_tracked') || key.startsWith('sub_block1.');

function some(names: readonly string[]): string {
  const more = names.length - 3;
  return names.slice(0, 3).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** Kernels from OIHW to HWIO, dense weights transposed, others as they are. */
function toTfjs({shape, data}: CheckpointTensor): tf.Tensor {
  const tensor = tf.tensor(Float32Array.from(data), shape);
  if (shape.length === 4) return tensor.transpose([2, 3, 1, 0]);
  return shape.length === 2 ? tensor.transpose() : tensor;
}
