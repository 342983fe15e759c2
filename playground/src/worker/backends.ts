import * as tf from '@tensorflow/tfjs';
import {setWasmPaths} from '@tensorflow/tfjs-backend-wasm';
import plain from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import threaded from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';
import '@tensorflow/tfjs-backend-webgpu';
import type {BackendChoice} from '../protocol';

setWasmPaths({
  'tfjs-backend-wasm.wasm': plain,
  'tfjs-backend-wasm-simd.wasm': simd,
  'tfjs-backend-wasm-threaded-simd.wasm': threaded,
});

/**
 * Makes a backend the active one.
 *
 * @param choice `auto`: WebGPU or WebGL where they run on a GPU, or else WASM.
 * @returns Its name.
 * @throws Error if this browser does not have the chosen one.
 */
export async function useBackend(choice: BackendChoice): Promise<string> {
  const name = choice === 'auto' ? await fastest() : choice;
  if (!(await start(name))) {
    if (choice !== 'auto') {
      throw new Error(`This browser has no ${name}: choose another backend.`);
    }
    await start('cpu');
  }
  return tf.getBackend();
}

async function start(name: string): Promise<boolean> {
  try {
    if (!(await tf.setBackend(name))) return false;
    await tf.ready();
    return true;
  } catch {
    return false;
  }
}

async function fastest(): Promise<BackendChoice> {
  if (await hasWebGpu()) return 'webgpu';
  return hasWebGl() ? 'webgl' : 'wasm';
}

/** The part of WebGPU that is used here; its types are not in the DOM library. */
interface Gpu {
  requestAdapter(): Promise<{
    info?: {isFallbackAdapter?: boolean};
    isFallbackAdapter?: boolean;
  } | null>;
}

async function hasWebGpu(): Promise<boolean> {
  const {gpu} = navigator as unknown as {gpu?: Gpu};
  const adapter = await gpu?.requestAdapter().catch(() => null);
  return (
    !!adapter && !(adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter)
  );
}

/** Whether WebGL runs on a GPU: a software renderer is slower than WASM. */
function hasWebGl(): boolean {
  const context = new OffscreenCanvas(1, 1).getContext('webgl2');
  const names = context?.getExtension('WEBGL_debug_renderer_info');
  if (!context || !names) return false;
  const renderer = context.getParameter(names.UNMASKED_RENDERER_WEBGL);
  context.getExtension('WEBGL_lose_context')?.loseContext();
  return !/swiftshader|llvmpipe|software|basic render/i.test(renderer);
}
