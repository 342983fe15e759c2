import {Graph} from '../graph/graph.js';
import {emit} from './emit.js';
import {OrtTensor, createSession} from './onnxruntime.js';

const working = new Set(['cpu']);

const needs: Record<string, string> = {
  cuda: ' (it needs Linux x64, CUDA 12 with cuDNN 9, and the libraries that `node node_modules/onnxruntime-node/script/install.js` fetches)',
  webgpu: ' (it needs a GPU with a Vulkan, Metal or Direct3D 12 driver)',
};

/**
 * Runs one operator on an execution provider: that a build knows it does not
 * mean that its device or its libraries are there.
 *
 * @throws with ONNX Runtime's reason if it does not start
 */
export function checkProvider(name: string): void {
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
      `onnx backend: the execution provider '${name}' does not start here${needs[name] ?? ''}: ${(error as Error).message}`,
      {cause: error},
    );
  }
  working.add(name);
}
