import * as tf from '@tensorflow/tfjs';
// Registers the layers that the saved models are made of, too.
import {CIFAR10_CLASSES, countClasses} from 'tfjs-adversarial';
import files from 'virtual:robust-models';
import type {ModelInfo} from '../protocol';

export type Network = tf.LayersModel | tf.GraphModel;

const loaded = new Map<string, {network: Network; info: ModelInfo}>();

/** Reads the file of a name that a model.json refers to. */
type ReadFile = (name: string) => Promise<ArrayBuffer>;

/** One of the repository's models, by the name of its folder. */
export async function robustModel(name: string): Promise<Network> {
  const known = loaded.get(name);
  if (known) return known.network;
  const network = await fromFiles(file => download(files[`${name}/${file}`]));
  await remember(name, network);
  return network;
}

/** The small network that the page fine-tunes: a new one each time. */
export async function smallModel(base: string): Promise<tf.LayersModel> {
  const network = await fromFiles(file =>
    download(new URL(`small/${file}`, base).href),
  );
  return network as tf.LayersModel;
}

/** A model from a user's files; it stays in the page. */
export async function ownModel(
  given: {name: string; data: ArrayBuffer}[],
): Promise<ModelInfo> {
  const json = given.find(({name}) => name.endsWith('.json'));
  if (!json) throw new Error('Choose a model.json together with its weights.');
  const network = await fromFiles(async wanted => {
    const [last] = wanted.split('/').slice(-1);
    const file =
      wanted === 'model.json' ? json : given.find(({name}) => name === last);
    if (!file) {
      throw new Error(`${json.name} refers to ${last}, which was not chosen.`);
    }
    return file.data;
  });
  return remember('own', network);
}

export function info(name: string): ModelInfo {
  return loaded.get(name)!.info;
}

/** Frees all models: their tensors belong to a backend that is about to be left. */
export function forgetModels(): void {
  for (const {network} of loaded.values()) network.dispose();
  loaded.clear();
}

async function remember(name: string, network: Network): Promise<ModelInfo> {
  const shape = network.inputs[0].shape;
  const [, height, width, channels] = shape ?? [];
  if (!shape || shape.length !== 4 || channels !== 3) {
    network.dispose();
    throw new Error(
      `The page attacks classifiers of RGB images [N, height, width, 3], but this model takes [${shape}].`,
    );
  }
  // A network of any size is shown pictures of a usual one.
  const size = {height: known(height), width: known(width)};
  const sample = tf.zeros([1, size.height, size.width, 3]) as tf.Tensor4D;
  const count = countClasses(network, sample);
  sample.dispose();
  const classes =
    name === 'own'
      ? Array.from({length: count}, (_, i) => `class ${i}`)
      : [...CIFAR10_CLASSES];
  const about: ModelInfo = {name, ...size, classes};
  loaded.get(name)?.network.dispose();
  loaded.set(name, {network, info: about});
  return about;
}

const known = (size: number | null | undefined) =>
  size && size > 0 ? size : 224;

async function fromFiles(read: ReadFile): Promise<Network> {
  const text = new TextDecoder().decode(await read('model.json'));
  const {weightsManifest, modelTopology, format, ...rest} = JSON.parse(text);
  if (!modelTopology || !weightsManifest) {
    throw new Error('This model.json is not of TensorFlow.js.');
  }
  const groups = weightsManifest as tf.io.WeightsManifestConfig;
  const parts = await Promise.all(groups.flatMap(g => g.paths).map(read));
  const artifacts: tf.io.ModelArtifacts = {
    ...rest,
    format,
    modelTopology,
    weightSpecs: groups.flatMap(group => group.weights),
    weightData: await new Blob(parts).arrayBuffer(),
  };
  const handler = tf.io.fromMemory(artifacts);
  return format === 'graph-model'
    ? tf.loadGraphModel(handler)
    : tf.loadLayersModel(handler);
}

async function download(url: string): Promise<ArrayBuffer> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} could not be loaded.`);
  return answer.arrayBuffer();
}
