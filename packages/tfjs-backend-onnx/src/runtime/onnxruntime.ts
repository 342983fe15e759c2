import {createRequire} from 'node:module';
import type * as ort from 'onnxruntime-node';
import type {InferenceSession, Tensor} from 'onnxruntime-node';

/**
 * A session of onnxruntime-node's native binding. The published API only runs
 * asynchronously, by wrapping the binding in setImmediate; tfjs's `dataSync`
 * needs the synchronous call.
 */
export interface NativeSession {
  loadModel(
    buffer: ArrayBufferLike,
    byteOffset: number,
    byteLength: number,
    options: InferenceSession.SessionOptions,
  ): void;
  run(
    feeds: Record<string, Tensor>,
    /** By name, the tensor to write to; null to allocate one. */
    fetches: Record<string, Tensor | null>,
    options: InferenceSession.RunOptions,
  ): Record<string, Tensor>;
  endProfiling(): void;
  dispose(): void;
}

interface Binding {
  binding: {
    InferenceSession: new () => NativeSession;
    listSupportedBackends(): {name: string; bundled: boolean}[];
  };
  initOrt(): void;
}

const require = createRequire(import.meta.url);
let loaded: Binding | undefined;

function binding(): Binding['binding'] {
  if (!loaded) {
    try {
      loaded = require('onnxruntime-node/dist/binding.js') as Binding;
      loaded.initOrt();
    } catch (error) {
      throw new Error(
        `onnx backend: onnxruntime-node could not be loaded on ${process.platform}-${process.arch}: ${(error as Error).message}`,
        {cause: error},
      );
    }
  }
  return loaded.binding;
}

function api(): typeof ort {
  try {
    return require('onnxruntime-node') as typeof ort;
  } catch (error) {
    throw new Error(
      'onnx backend: onnxruntime-node is missing; run `npm install --ignore-scripts onnxruntime-node`.',
      {cause: error},
    );
  }
}

/** The tensor class that the binding recognizes. */
export const {Tensor: OrtTensor} = api();

/** The execution providers in this build of ONNX Runtime. */
export function supportedProviders(): string[] {
  return binding()
    .listSupportedBackends()
    .map(b => b.name);
}

export function createSession(
  model: Uint8Array,
  options: InferenceSession.SessionOptions,
): NativeSession {
  const session = new (binding().InferenceSession)();
  session.loadModel(model.buffer, model.byteOffset, model.byteLength, options);
  return session;
}
