import * as tf from '@tensorflow/tfjs';

/** The rows of `t` (entries along its first axis) at the given places. */
export function keepRows<T extends tf.Tensor>(t: T, places: number[]): T {
  if (places.length === t.shape[0] && places.every((place, i) => place === i)) {
    return tf.clone(t);
  }
  if (places.length === 0) {
    return tf.tensor([], [0, ...t.shape.slice(1)], t.dtype) as T;
  }
  return tf.tidy(() => tf.gather(t, tf.tensor1d(places, 'int32')));
}

/** Joins parts along the first axis and sorts their rows: row i of the joined parts belongs at `places[i]`. */
export function putRows<T extends tf.Tensor>(parts: T[], places: number[]): T {
  return tf.tidy(() => {
    const joined = parts.length === 1 ? parts[0] : (tf.concat(parts) as T);
    const from = new Array<number>(places.length);
    places.forEach((place, i) => (from[place] = i));
    return keepRows(joined, from);
  });
}
