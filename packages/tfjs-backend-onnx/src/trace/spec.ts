import type * as tf from '@tensorflow/tfjs-core';

/** Shape and dtype of a tensor. */
export interface Spec {
  readonly shape: readonly number[];
  readonly dtype: tf.DataType;
}

/** With a number that is equal for equal specs, and for no others. */
export interface KnownSpec extends Spec {
  readonly id: number;
}

const ids = new Map<string, number>();

/** The number of a shape and dtype. */
export function specId({shape, dtype}: Spec): number {
  const key = shape.length === 0 ? dtype : `${dtype}${shape.join()}`;
  let id = ids.get(key);
  if (id === undefined) ids.set(key, (id = ids.size));
  return id;
}
