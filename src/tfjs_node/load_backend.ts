import * as tf from '@tensorflow/tfjs';
import {createRequire} from 'node:module';
import {existsSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {findTfjsNode, type TfjsNode} from './package.js';
import {quieten} from './quiet.js';
import {startCpuQuietly} from '../tfjs/cpu_backend.js';
import {installTensorflowKernels} from '../tfjs/tensorflow_kernels.js';
import {installWasmKernels} from '../tfjs/wasm_kernels.js';

// Each registers one backend.
const LOADERS: Record<BackendName, () => Promise<void>> = {
  cpu: startCpuQuietly,
  wasm: loadWasm,
  tensorflow: loadTensorflow,
  onnx: loadOnnx,
};

/** The name of a backend that {@link loadBackend} loads. */
export type BackendName = 'cpu' | 'wasm' | 'tensorflow' | 'onnx';

/** The names of the backends that {@link loadBackend} loads. */
export const backendNames = Object.keys(LOADERS) as BackendName[];

/** What {@link loadDefaultBackend} tries first. */
export const defaultBackend: BackendName = 'onnx';

/**
 * Loads the fastest backend that works here: tfjs-node if the program has
 * loaded it already, then `onnx`, then tfjs-node, then plain JavaScript.
 *
 * ```ts
 * for (const reason of await loadDefaultBackend()) console.warn(reason);
 * ```
 *
 * @returns one sentence for each choice that failed; empty if the first works.
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
 * Loads a tfjs backend in Node and makes it the current one. If both tfjs-node
 * and tfjs-node-gpu are set up, `tensorflow` is the latter.
 *
 * ```ts
 * await loadBackend('wasm');
 * ```
 *
 * @param name one of {@link backendNames}.
 * @throws Error that says what to do, if the name is unknown, or if the backend
 *     is not installed or does not work.
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
  // Plain training needs them too; they go in once the backend has started.
  installWasmKernels();
}

async function loadWasm(): Promise<void> {
  try {
    await import('@tensorflow/tfjs-backend-wasm');
  } catch (error) {
    throw needsPackage('wasm', '@tensorflow/tfjs-backend-wasm', error);
  }
}

async function loadOnnx(): Promise<void> {
  try {
    await import('tfjs-backend-onnx');
  } catch (error) {
    throw needsPackage('onnx', 'tfjs-backend-onnx', error);
  }
}

/** The error for a backend whose package is missing; others stay as they are. */
function needsPackage(backend: string, name: string, error: unknown): unknown {
  const {code, message} = error as NodeJS.ErrnoException;
  if (code !== 'ERR_MODULE_NOT_FOUND' || !message.includes(`'${name}'`)) {
    return error;
  }
  return new Error(
    `The backend '${backend}' needs a package: run \`npm install ${name}\`.`,
    {cause: error},
  );
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
