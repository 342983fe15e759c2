import {readFile, rm} from 'node:fs/promises';
import {basename, join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {removeTemporary, writeWhole} from '../io/cache.js';
import {readArtifacts} from './artifacts.js';
// Registers the layers that our own models are made of.
import './layers.js';

/** What to save beside topology and weights. */
export interface SaveModelOptions {
  /** The optimizer's state too, to go on training. Default false. */
  includeOptimizer?: boolean;
  /** Anything that JSON can hold; kept as `userDefinedMetadata`. */
  metadata?: tf.io.ModelArtifacts['userDefinedMetadata'];
}

/**
 * Saves a model to a folder in tfjs's own format, `model.json` and
 * `weights.bin`, which `tf.loadLayersModel` reads anywhere (in Node without
 * tfjs-node: {@link loadModel}). At every moment the folder holds a whole
 * model, the old or the new one: where it holds one already, the new weights
 * get the other of two names, `weights.bin` and `weights-2.bin`.
 *
 * @param folder made if it is not there.
 * @throws one sentence: no permission, no space.
 */
export async function saveModel(
  model: tf.LayersModel,
  folder: string,
  {includeOptimizer = false, metadata}: SaveModelOptions = {},
): Promise<void> {
  let artifacts: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(async given => {
      artifacts = given;
      return {modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(given)};
    }),
    {includeOptimizer},
  );
  const {weightData, weightSpecs, ...rest} = artifacts!;
  const json = join(folder, 'model.json');
  const name = (await usedWeights(json)).includes('weights.bin')
    ? 'weights-2.bin'
    : 'weights.bin';
  await writeWhole(join(folder, name), joined(weightData!));
  const description: tf.io.ModelJSON = {
    ...(rest as tf.io.ModelArtifacts & {modelTopology: object}),
    ...(metadata && {
      userDefinedMetadata: {...rest.userDefinedMetadata, ...metadata},
    }),
    weightsManifest: [{paths: [name], weights: weightSpecs!}],
  };
  await writeWhole(json, JSON.stringify(description));
  const other = name === 'weights.bin' ? 'weights-2.bin' : 'weights.bin';
  await rm(join(folder, other), {force: true});
  await removeTemporary(folder);
}

/** The weight files that a folder's model refers to, if it has one. */
async function usedWeights(json: string): Promise<string[]> {
  try {
    const {weightsManifest} = JSON.parse(await readFile(json, 'utf8'));
    return (weightsManifest as {paths: string[]}[]).flatMap(g => g.paths);
  } catch {
    return [];
  }
}

function joined(data: ArrayBuffer | ArrayBuffer[]): Uint8Array {
  return Buffer.concat([data].flat().map(part => new Uint8Array(part)));
}

/**
 * Loads a layers model from a folder: what {@link saveModel} or tfjs-node's
 * `model.save('file://…')` wrote, or what the TensorFlow.js converter made of
 * a Keras model, however many weight files it has. Nothing outside the folder
 * is read.
 *
 * @param path the folder or its `model.json`.
 * @throws one sentence: a file missing, truncated or damaged, a graph model, a
 *     layer that is not known.
 */
export async function loadModel(path: string): Promise<tf.LayersModel> {
  const artifacts = await readArtifacts(path);
  if (artifacts.format === 'graph-model') {
    throw new Error(
      `${path} is a graph model, which can be attacked but not trained: load it with loadGraphModel.`,
    );
  }
  try {
    return await tf.loadLayersModel(tf.io.fromMemory(artifacts));
  } catch (error) {
    throw unreadable(path, error);
  }
}

/**
 * Loads a graph model (a converted TensorFlow SavedModel) from a folder, as
 * {@link loadModel} does layers models.
 */
export async function loadGraphModel(path: string): Promise<tf.GraphModel> {
  const artifacts = await readArtifacts(path);
  if (artifacts.format === 'layers-model') {
    throw new Error(`${path} is a layers model: load it with loadModel.`);
  }
  try {
    return await tf.loadGraphModel(tf.io.fromMemory(artifacts));
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): Error {
  const [reason] = (error as Error).message.split('\n');
  return new Error(
    `The model in ${basename(path)} could not be made: ${reason}`,
    {cause: error},
  );
}
