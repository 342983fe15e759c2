import type * as tf from '@tensorflow/tfjs';

/** The values of a tensor, on the host. */
export type Values = Float32Array | Int32Array | Uint8Array;

/**
 * A computation that reads tensors on its way: it yields each tensor and is
 * given its values. It yields null where it can be interrupted for a moment.
 * One body serves a synchronous and an asynchronous function; some backends
 * (webgpu) can read asynchronously only.
 */
export type Reading<T> = Generator<tf.Tensor | null, T, Values | null>;

/** The values of a tensor, inside a {@link Reading}. */
export function* read(tensor: tf.Tensor): Reading<Values> {
  return (yield tensor)!;
}

/** {@link read}, for a tensor that is not needed any more. */
export function* readAndDispose(tensor: tf.Tensor): Reading<Values> {
  try {
    return yield* read(tensor);
  } finally {
    tensor.dispose();
  }
}

/** Inside a {@link Reading}: others may run now. */
export function* pause(): Reading<void> {
  yield null;
}

/** Runs a computation without a break. */
export function runSync<T>(reading: Reading<T>): T {
  let next = reading.next();
  while (!next.done) {
    let known: Values | null;
    try {
      known = next.value?.dataSync() ?? null;
    } catch (error) {
      next = reading.throw(error);
      continue;
    }
    next = reading.next(known);
  }
  return next.value;
}

/**
 * Runs a computation with asynchronous reads.
 *
 * @param between Called where it can be interrupted; an error that it throws
 *     ends the computation, which frees what it holds.
 */
export async function runAsync<T>(
  reading: Reading<T>,
  between?: () => Promise<void> | void,
): Promise<T> {
  let next = reading.next();
  while (!next.done) {
    let known: Values | null = null;
    try {
      if (next.value) known = await next.value.data();
      else await between?.();
    } catch (error) {
      next = reading.throw(error);
      continue;
    }
    next = reading.next(known);
  }
  return next.value;
}
