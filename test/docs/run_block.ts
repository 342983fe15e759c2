import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {transform} from 'esbuild';
import * as tf from '@tensorflow/tfjs';
import {saveModel} from '../../src/node.js';
import {loadBackend} from '../../src/tfjs_node/load_backend.js';
import {cifar10Strip} from '../helpers/strip.js';
import type {Block} from './markdown.js';
import {EXAMPLES} from './stand_ins/node.js';
import {EXTENSION} from '../helpers/node_arguments.js';

/** Epochs of a `fit` in a block, at most. */
const EPOCHS = 2;

const here = (path: string) => new URL(path + EXTENSION, import.meta.url).href;
const tfjs = import.meta.resolve('@tensorflow/tfjs');

/** What the modules that a block imports stand for. */
const MODULES: Record<string, string> = {
  '@tensorflow/tfjs': tfjs,
  // The same functions, on another backend, which may not be set up.
  '@tensorflow/tfjs-node': tfjs,
  '@tensorflow/tfjs-node-gpu': tfjs,
  '@tensorflow/tfjs-backend-wasm': import.meta
    .resolve('@tensorflow/tfjs-backend-wasm'),
  'tfjs-adversarial': here('stand_ins/index'),
  'tfjs-adversarial/node': here('stand_ins/node'),
  'tfjs-adversarial/onnx': here('../../src/onnx'),
  'tfjs-backend-onnx': import.meta.resolve('tfjs-backend-onnx'),
  // From CONTRIBUTING.md, whose blocks are files of test/examples.
  '../../src/index.js': here('stand_ins/index'),
};

/**
 * Cuts every `fit` of this process to few epochs, quietly.
 *
 * @returns undoes it.
 */
export function cutEpochs(): () => void {
  const undo: Array<() => void> = [];
  for (const {prototype} of [tf.LayersModel, tf.Sequential]) {
    const {fit, fitDataset} = prototype;
    const few = <T extends {epochs?: number}>(args: T): T => ({
      ...args,
      epochs: Math.min(args.epochs ?? 1, EPOCHS),
    });
    prototype.fit = function (x, y, args = {}) {
      return fit.call(this, x, y, few(args));
    };
    prototype.fitDataset = function (dataset, args) {
      return fitDataset.call(this, dataset, few(args)) as never;
    };
    undo.push(() => Object.assign(prototype, {fit, fitDataset}));
  }
  return () => undo.reverse().forEach(f => f());
}

/**
 * Defines the names that the text around the blocks takes for granted: `model`,
 * `images` and `labels`, the same as `x` and `y`, and `dataset`. A block may
 * declare its own.
 */
export function defineNames(): void {
  const strip = cifar10Strip().slice(0, EXAMPLES);
  const images = strip.tensor();
  const labels = strip.oneHot();
  const dataset = tf.data
    .zip({
      xs: tf.data.array(tf.unstack(images)),
      ys: tf.data.array(tf.unstack(labels)),
    })
    .batch(2);
  const names = {images, labels, x: images, y: labels, dataset};
  Object.assign(globalThis, names, {model: network()});
}

/** A classifier of 32 × 32 images that takes no time. */
function network(): tf.LayersModel {
  const model = tf.sequential({
    layers: [
      tf.layers.conv2d({
        inputShape: [32, 32, 3],
        filters: 4,
        kernelSize: 3,
        strides: 4,
        activation: 'relu',
      }),
      tf.layers.flatten(),
      tf.layers.dense({units: 10, activation: 'softmax'}),
    ],
  });
  model.compile({
    optimizer: 'adam',
    loss: 'categoricalCrossentropy',
    metrics: ['accuracy'],
  });
  return model;
}

/** Puts what blocks read into the folder that they run in: a saved model, `my-model`. */
export async function fillFolder(folder: string): Promise<void> {
  await saveModel(network(), join(folder, 'my-model'));
}

/**
 * Runs a block as a module of its own, on the backend `wasm` unless it takes
 * another, with what it prints collected.
 *
 * @returns what it printed by `console.log` and `console.table`.
 * @throws what it throws, and if it imports something unknown.
 */
export async function runBlock(
  {code, place}: Block,
  folder: string,
): Promise<unknown[]> {
  await loadBackend('wasm');
  defineNames();
  const file = join(folder, `${place.replace(/\W/g, '_')}.mjs`);
  const {code: plain} = await transform(code, {loader: 'ts', target: 'node20'});
  await writeFile(file, withModules(plain));
  const printed: unknown[] = [];
  const {log, table} = console;
  console.log = console.table = (...args: unknown[]) => printed.push(...args);
  try {
    await import(pathToFileURL(file).href);
  } finally {
    Object.assign(console, {log, table});
  }
  return printed;
}

function withModules(code: string): string {
  return code.replace(
    /(\bfrom |\bimport |\bimport\()(['"])([^'"\n]+)\2/g,
    (_, before: string, quote: string, name: string) => {
      if (!Object.hasOwn(MODULES, name)) {
        throw new Error(
          `The block imports '${name}', which the documents' tests do not know: see MODULES in run_block.ts.`,
        );
      }
      return before + quote + MODULES[name] + quote;
    },
  );
}
