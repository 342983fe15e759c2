import * as tf from '@tensorflow/tfjs';
import type {WasmBackend} from './wasm_backend.js';

/** Values kept at most: 32 MB, and as much again in XNNPACK. */
const CAPACITY = 2 ** 23;

/** The flipped filters of a backend, least recently used first. */
type Flipped = Map<tf.DataId, tf.TensorInfo>;

const byBackend = new WeakMap<WasmBackend, Flipped>();

/**
 * A filter rotated by 180°, with input and output channels swapped. This module
 * owns it: `tf.memory()` does not count it.
 *
 * A search takes the gradient of the same filters at each step, and XNNPACK packs
 * a filter when it first sees it. Flipped filters are therefore kept until the
 * filter's data are disposed. Data never change: assigning a variable replaces them.
 *
 * @param filter [height, width, C, K]
 * @returns [height, width, K, C]
 */
export function flippedFilter(
  filter: tf.TensorInfo,
  backend: WasmBackend,
): tf.TensorInfo {
  const flipped = byBackend.get(backend) ?? new Map();
  byBackend.set(backend, flipped);
  const known = flipped.get(filter.dataId);
  flipped.delete(filter.dataId);
  if (known && sameShape(known, filter)) {
    flipped.set(filter.dataId, known);
    return known;
  }
  if (known) backend.disposeData(known.dataId);
  makeRoom(flipped, tf.util.sizeFromShape(filter.shape), backend);
  const made = flip(filter, backend);
  flipped.set(filter.dataId, made);
  return made;
}

/** Filters of other shapes may share data. */
function sameShape(flipped: tf.TensorInfo, filter: tf.TensorInfo): boolean {
  const [height, width, c, k] = filter.shape;
  return tf.util.arraysEqual(flipped.shape, [height, width, k, c]);
}

/** Frees what was made of filters that are gone, then the oldest. */
function makeRoom(flipped: Flipped, size: number, backend: WasmBackend): void {
  let total = size;
  const free = (from: tf.DataId, {dataId}: tf.TensorInfo) => {
    backend.disposeData(dataId);
    flipped.delete(from);
  };
  for (const [from, filter] of flipped) {
    if (backend.dataIdMap.has(from)) {
      total += tf.util.sizeFromShape(filter.shape);
    } else {
      free(from, filter);
    }
  }
  for (const [from, filter] of flipped) {
    if (total <= CAPACITY) break;
    total -= tf.util.sizeFromShape(filter.shape);
    free(from, filter);
  }
}

function flip(filter: tf.TensorInfo, backend: WasmBackend): tf.TensorInfo {
  const [height, width, c, k] = filter.shape;
  const from = backend.readSync(filter.dataId) as Float32Array;
  const to = new Float32Array(from.length);
  const places = height * width;
  for (let place = 0; place < places; place++) {
    const source = place * c * k;
    const target = (places - 1 - place) * c * k;
    for (let i = 0; i < c; i++) {
      for (let j = 0; j < k; j++) {
        to[target + j * c + i] = from[source + i * k + j];
      }
    }
  }
  const shape = [height, width, k, c];
  return {
    dataId: backend.write(to, shape, 'float32') as tf.DataId,
    shape,
    dtype: 'float32',
  };
}
