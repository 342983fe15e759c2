import * as tf from '@tensorflow/tfjs';
import {createRequire} from 'node:module';
import {existsSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {findTfjsNode, type TfjsNode} from './package.js';
import {quieten} from './quiet.js';
import {installTensorflowKernels} from '../tfjs/tensorflow_kernels.js';

// What registers each backend.
const LOADERS = {
  cpu: loadCpu,
  wasm: loadWasm,
  tensorflow: loadTensorflow,
  onnx: loadOnnx,
};

export type BackendName = keyof typeof LOADERS;

/** The names that {@link loadBackend} takes. */
export const backendNames = Object.keys(LOADERS) as BackendName[];

/** What {@link loadDefaultBackend} takes first: it comes with this package. */
export const defaultBackend: BackendName = 'onnx';

/**
 * Loads the backend to run on where nobody asked for one: tfjs-node if the
 * program has loaded it already, else ONNX Runtime, else, where that has no
 * library, tfjs-node, and plain JavaScript last.
 *
 * @returns what could not be had, and why, if that is not the first choice
 */
export async function loadDefaultBackend(): Promise<string[]> {
  const choices: BackendName[] = tf.findBackend('tensorflow')
    ? ['tensorflow', defaultBackend, 'cpu']
    : [defaultBackend, 'tensorflow', 'cpu'];
  const reasons: string[] = [];
  for (const name of choices) {
    try {
      await loadBackend(name);
      break;
    } catch (error) {
      reasons.push((error as Error).message);
    }
  }
  return reasons;
}

/**
 * Loads a tfjs backend in Node and makes it the one in force. Of tfjs-node and
 * tfjs-node-gpu it takes the second if both are set up.
 *
 * @throws one sentence that says what to do, if the name is unknown or the
 *     backend is not installed or does not work.
 */
export async function loadBackend(name: string): Promise<void> {
  if (!Object.hasOwn(LOADERS, name)) {
    throw new Error(
      `There is no backend '${name}': it must be one of ${backendNames.join(', ')}.`,
    );
  }
  await LOADERS[name as BackendName]();
  if (!(await tf.setBackend(name))) {
    throw new Error(`The backend '${name}' could not be started.`);
  }
  await tf.ready();
}

/** tfjs itself brings it, with the advice to use another one, printed once. */
async function loadCpu(): Promise<void> {
  const env = tf.env();
  const isTest = env.getBool('IS_TEST');
  env.set('IS_TEST', true);
  await tf.setBackend('cpu');
  tf.scalar(0).dispose();
  env.set('IS_TEST', isTest);
}

async function loadWasm(): Promise<void> {
  try {
    await import('@tensorflow/tfjs-backend-wasm');
  } catch (error) {
    throw new Error(
      "The backend 'wasm' needs a package: run `npm install @tensorflow/tfjs-backend-wasm`.",
      {cause: error},
    );
  }
}

/** ONNX Runtime comes with this package, its native library included. */
async function loadOnnx(): Promise<void> {
  await import('tfjs-backend-onnx');
}

const SETUP =
  'run `npm run setup:tensorflow` in tfjs-adversarial, or `npx tfjs-adversarial-setup` in a project of yours';

async function loadTensorflow(): Promise<void> {
  if (!tf.findBackend('tensorflow')) {
    const tfjsNode = findWorking();
    // Off by default on processors without AVX-512 and the like, oneDNN was
    // faster there too.
    process.env.TF_ENABLE_ONEDNN_OPTS ??= '1';
    quieten(tfjsNode);
    try {
      createRequire(import.meta.url)(tfjsNode.directory);
    } catch (error) {
      throw new Error(
        `${tfjsNode.name} does not load (${firstLine(error)}); ${SETUP}.`,
        {cause: error},
      );
    }
    if (!tf.findBackend('tensorflow')) {
      throw new Error(
        `${tfjsNode.name} in ${tfjsNode.directory} uses another copy of @tensorflow/tfjs than this program: see \`npm ls @tensorflow/tfjs\` and bring them to one version.`,
      );
    }
  }
  installTensorflowKernels();
}

/** The installed package that has its binding, tfjs-node-gpu before tfjs-node. */
function findWorking(): TfjsNode {
  const here = fileURLToPath(new URL('.', import.meta.url));
  const found = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node']
    .flatMap(name => [
      findTfjsNode(name, process.cwd()),
      findTfjsNode(name, here),
    ])
    .filter(tfjsNode => tfjsNode !== undefined);
  const working = found.find(({binding}) => existsSync(binding));
  if (working) return working;
  throw new Error(
    found.length > 0
      ? `${found[0].name} is installed but not set up: ${SETUP}.`
      : `The backend 'tensorflow' needs @tensorflow/tfjs-node, which is not installed: run \`npm install --ignore-scripts @tensorflow/tfjs-node\`, then ${SETUP}.`,
  );
}

function firstLine(error: unknown): string {
  return String((error as Error)?.message ?? error)
    .split('\n')[0]
    .replace(/[.:]$/, '');
}
