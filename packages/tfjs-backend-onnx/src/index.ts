import * as tf from '@tensorflow/tfjs-core';
import {OnnxBackend, type OnnxStats} from './backend.js';
import {settings, type OnnxOptions} from './options.js';
import {BACKEND, registerOnnx} from './register.js';

registerOnnx();

export {OnnxBackend, registerOnnx};
export type {OnnxOptions, OnnxStats};

/**
 * Makes `onnx` the backend that TensorFlow.js runs on.
 *
 * @param options threads, limits and the execution provider; what is not given
 *     stays as it is
 * @throws if an option is unknown or out of range, or the execution provider
 *     is not in this build of ONNX Runtime
 *
 * ```ts
 * await useOnnx({threads: 2});
 * await useOnnx({executionProvider: 'webgpu'});
 * ```
 */
export async function useOnnx(options: OnnxOptions = {}): Promise<OnnxBackend> {
  settings(options);
  registerOnnx();
  await tf.setBackend(BACKEND);
  const backend = tf.backend() as OnnxBackend;
  backend.configure(options);
  return backend;
}
