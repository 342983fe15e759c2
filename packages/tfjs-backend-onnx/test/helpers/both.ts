import * as tf from '@tensorflow/tfjs';
import type {ExecutionContext} from 'ava';
import {useOnnx} from '../../src/index.js';

/** The tables also run on a GPU, or on what passes for one: see webgpu.test.ts. */
export const executionProvider = process.env.ONNX_EXECUTION_PROVIDER ?? 'cpu';

/**
 * On a GPU NaN need not be passed on (WGSL says so), angles are good to 5e-4
 * only, and, if it is a GPU in software, large cases take minutes: they are
 * left out unless ONNX_WHOLE_TABLE says otherwise.
 */
export const onGpu = executionProvider !== 'cpu';
export const brief = onGpu && !process.env.ONNX_WHOLE_TABLE;

export interface Result {
  shape: number[];
  dtype: string;
  values: number[];
}

/** Runs `f` on a backend; its random numbers have to be seeded. */
export async function on(
  backend: 'cpu' | 'onnx',
  f: () => tf.TensorContainer,
): Promise<Result[]> {
  if (backend === 'onnx') await useOnnx({executionProvider});
  else await tf.setBackend('cpu');
  const before = tf.memory().numTensors;
  const tensors = tf.tidy(() => {
    const list: tf.Tensor[] = [];
    const collect = (c: unknown): void => {
      if (c instanceof tf.Tensor) list.push(c);
      else if (Array.isArray(c)) c.forEach(collect);
      else if (c && typeof c === 'object') Object.values(c).forEach(collect);
    };
    collect(f());
    return list;
  });
  const results = tensors.map(t => ({
    shape: t.shape,
    dtype: t.dtype,
    values: Array.from(t.dataSync() as Float32Array),
  }));
  tf.dispose(tensors);
  if (tf.memory().numTensors !== before) throw new Error('a leak');
  return results;
}

/** Values equal as float32 arithmetic in another order makes them. */
export function close(
  t: ExecutionContext,
  actual: Result[],
  expected: Result[],
  tolerance = 1e-5,
): void {
  t.is(actual.length, expected.length);
  expected.forEach((want, k) => {
    const have = actual[k];
    t.deepEqual(have.shape, want.shape, `shape of result ${k}`);
    t.is(have.dtype, want.dtype, `dtype of result ${k}`);
    const finite = want.values.filter(Number.isFinite).map(Math.abs);
    const scale = finite.reduce((a, b) => Math.max(a, b), 1);
    const wrong = want.values.findIndex((w, i) => {
      const h = have.values[i];
      if (Number.isNaN(w) || !Number.isFinite(w)) return !Object.is(h, w);
      return !(Math.abs(h - w) <= tolerance * scale);
    });
    t.is(
      wrong,
      -1,
      `result ${k}, element ${wrong}: ${have.values[wrong]} for ${want.values[wrong]}`,
    );
  });
}

/** The same program on both backends. */
export async function same(
  t: ExecutionContext,
  f: () => tf.TensorContainer,
  tolerance?: number,
): Promise<void> {
  const expected = await on('cpu', f);
  close(t, await on('onnx', f), expected, tolerance);
}

/** The value of `f` and its gradient for each input, weighted at random. */
export function withGradients(
  f: (...inputs: tf.Tensor[]) => tf.Tensor,
  inputs: tf.Tensor[],
): tf.Tensor[] {
  const y = f(...inputs);
  const dy = tf.randomUniform(y.shape, -1, 1, 'float32', 7);
  return [y, ...tf.grads(f)(inputs, dy as tf.Tensor)];
}
