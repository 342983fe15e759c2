import {Graph} from '../graph/graph.js';
import {emit} from './emit.js';
import {OrtTensor, createSession, supportedProviders} from './onnxruntime.js';

const working = new Set(['cpu']);

const requirements: Record<string, string> = {
  cuda: ' (it needs Linux x64, CUDA 12 with cuDNN 9, and the libraries that `node node_modules/onnxruntime-node/script/install.js` fetches)',
  webgpu: ' (it needs a GPU with a Vulkan, Metal or Direct3D 12 driver)',
};

/**
 * Checks that an execution provider works here by running one operator on it: a
 * build may contain a provider whose device or libraries are missing.
 *
 * @throws with ONNX Runtime's reason if the provider does not start
 */
export function checkExecutionProvider(name: string): void {
  const providers = supportedProviders();
  if (!providers.includes(name)) {
    throw new Error(
      `onnx backend: this onnxruntime-node has no execution provider '${name}'; it has ${providers.join(', ')}.`,
    );
  }
  if (working.has(name)) return;
  const g = new Graph();
  const x = g.input(0, [2], 'float32');
  const {model} = emit([g.node('Relu', [x], [2], 'float32')]);
  try {
    const session = createSession(model, {
      executionProviders: [name],
      logSeverityLevel: 4,
    });
    const x0 = new OrtTensor('float32', Float32Array.of(-1, 1), [2]);
    session.run({x0}, {y0: null}, {});
    session.dispose();
  } catch (error) {
    throw new Error(
      `onnx backend: the execution provider '${name}' does not start here${requirements[name] ?? ''}: ${(error as Error).message}`,
      {cause: error},
    );
  }
  working.add(name);
}
