import * as tf from '@tensorflow/tfjs-core';
import {OnnxBackend, type OnnxStats} from './backend.js';
import {resolveOptions, type OnnxOptions} from './options.js';
import {BACKEND, registerOnnx} from './register.js';

registerOnnx();

export {OnnxBackend, registerOnnx};
export type {OnnxOptions, OnnxStats};

/**
 * Makes `onnx` the backend that TensorFlow.js runs on.
 *
 * @param options threads, limits and the execution provider; an option that is
 *     not given keeps its value
 * @throws if an option is unknown or out of range, or the execution provider
 *     does not work here
 *
 * ```ts
 * await useOnnx({threads: 2});
 * await useOnnx({executionProvider: 'webgpu'});
 * ```
 */
export async function useOnnx(options: OnnxOptions = {}): Promise<OnnxBackend> {
  resolveOptions(options);
  registerOnnx();
  await tf.setBackend(BACKEND);
  const backend = tf.backend() as OnnxBackend;
  backend.configure(options);
  return backend;
}
