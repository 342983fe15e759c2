import type * as tf from '@tensorflow/tfjs';

/** The values of a tensor, on the host. */
export type Values = Float32Array | Int32Array | Uint8Array;

/**
 * A computation that reads tensors on its way: it yields each tensor and is
 * given its values. It yields null where it can be interrupted for a moment, and
 * a promise where it waits for one. One body serves a synchronous and an
 * asynchronous function; some backends (webgpu) can read asynchronously only.
 */
export type Reading<T> = Generator<
  tf.Tensor | PromiseLike<unknown> | null,
  T,
  Values | null
>;

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

/**
 * Inside a {@link Reading}: goes on once a callback is done.
 *
 * @param returned What the callback returned, a promise or nothing.
 */
export function* settle(returned: unknown): Reading<void> {
  if (isPromise(returned)) yield returned;
}

function isPromise(x: unknown): x is PromiseLike<unknown> {
  return typeof (x as PromiseLike<unknown> | null)?.then === 'function';
}

/**
 * Runs a computation without a break.
 *
 * @throws Error if it waits for a promise.
 */
export function runSync<T>(reading: Reading<T>): T {
  let next = reading.next();
  while (!next.done) {
    let known: Values | null;
    try {
      known = isPromise(next.value)
        ? refuse(next.value)
        : (next.value?.dataSync() ?? null);
    } catch (error) {
      next = reading.throw(error);
      continue;
    }
    next = reading.next(known);
  }
  return next.value;
}

function refuse(promise: PromiseLike<unknown>): never {
  // What it is rejected with later is a consequence of this error.
  void promise.then(undefined, () => {});
  throw new Error(
    'A synchronous function cannot wait for an asynchronous callback: use its asynchronous form, such as perturbAsync.',
  );
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
      if (isPromise(next.value)) await next.value;
      else if (next.value) known = await next.value.data();
      else await between?.();
    } catch (error) {
      next = reading.throw(error);
      continue;
    }
    next = reading.next(known);
  }
  return next.value;
}
