import * as tf from '@tensorflow/tfjs';
import type {WasmBackend} from './wasm_backend.js';

/** Values kept at most: 32 MB, and as much again in XNNPACK. */
const CAPACITY = 2 ** 23;

/** The turned filters of a backend, least recently used first. */
type Turned = Map<tf.DataId, tf.TensorInfo>;

const byBackend = new WeakMap<WasmBackend, Turned>();

/**
 * A filter turned by 180°, with its two kinds of channels exchanged. It belongs
 * to this module, outside of tfjs's count of tensors.
 *
 * A search takes the gradient of the same filters at each step, and XNNPACK packs
 * a filter when it first sees it. So turned filters are kept while the filter's
 * data exist, which never change: a variable that is assigned gets other data.
 *
 * @param filter [height, width, C, K]
 * @returns [height, width, K, C]
 */
export function turnedFilter(
  filter: tf.TensorInfo,
  backend: WasmBackend,
): tf.TensorInfo {
  const turned = byBackend.get(backend) ?? new Map();
  byBackend.set(backend, turned);
  const known = turned.get(filter.dataId);
  turned.delete(filter.dataId);
  if (known && sameShape(known, filter)) {
    turned.set(filter.dataId, known);
    return known;
  }
  if (known) backend.disposeData(known.dataId);
  makeRoom(turned, tf.util.sizeFromShape(filter.shape), backend);
  const made = turn(filter, backend);
  turned.set(filter.dataId, made);
  return made;
}

/** Filters of other shapes may share data. */
function sameShape(turned: tf.TensorInfo, filter: tf.TensorInfo): boolean {
  const [height, width, c, k] = filter.shape;
  return tf.util.arraysEqual(turned.shape, [height, width, k, c]);
}

/** Frees what was made of filters that are gone, then the oldest. */
function makeRoom(turned: Turned, size: number, backend: WasmBackend): void {
  let total = size;
  const free = (from: tf.DataId, {dataId}: tf.TensorInfo) => {
    backend.disposeData(dataId);
    turned.delete(from);
  };
  for (const [from, filter] of turned) {
    if (backend.dataIdMap.has(from)) {
      total += tf.util.sizeFromShape(filter.shape);
    } else {
      free(from, filter);
    }
  }
  for (const [from, filter] of turned) {
    if (total <= CAPACITY) break;
    total -= tf.util.sizeFromShape(filter.shape);
    free(from, filter);
  }
}

function turn(filter: tf.TensorInfo, backend: WasmBackend): tf.TensorInfo {
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
