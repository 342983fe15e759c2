import * as tf from '@tensorflow/tfjs-core';
import {Value} from '../trace/value.js';

interface InfoTable {
  get(dataId: object): unknown;
  set(dataId: object, info: unknown): unknown;
  has(dataId: object): boolean;
  delete(dataId: object): boolean;
}

/**
 * tfjs's engine keeps dtype, shape and backend of each data id in a WeakMap. A
 * training step creates thousands of data ids; a weak table of that size, which
 * each garbage collection has to visit, took a tenth of the time of recording a
 * step. The data ids of this backend carry their info themselves; all others
 * stay in the table.
 */
export function storeTensorInfoOnValues(): void {
  const state = tf.engine().state as {tensorInfo?: InfoTable};
  const others = state.tensorInfo;
  if (!(others instanceof WeakMap)) return;
  state.tensorInfo = {
    get: id => (id instanceof Value ? id.info : others.get(id)),
    has: id => (id instanceof Value ? id.info !== undefined : others.has(id)),
    set(id, info) {
      if (id instanceof Value) id.info = info;
      else others.set(id, info);
    },
    delete(id) {
      if (!(id instanceof Value)) return others.delete(id);
      id.info = undefined;
      return true;
    },
  };
}
