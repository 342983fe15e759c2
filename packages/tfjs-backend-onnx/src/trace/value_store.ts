import * as tf from '@tensorflow/tfjs-core';
import type {Value} from './value.js';

/**
 * The values behind data ids. A value is its own data id, so that kernel calls
 * need no table lookup; only tensors that were moved here from another backend
 * keep their id.
 */
export class ValueStore {
  private readonly moved: tf.DataStorage<Value>;
  private own = 0;

  constructor(backend: tf.KernelBackend) {
    this.moved = new tf.DataStorage(backend, tf.engine());
  }

  get size(): number {
    return this.own + this.moved.numDataIds();
  }

  has(dataId: object): boolean {
    return (dataId as Value).stored === true || this.moved.has(dataId);
  }

  /** Moves the data here first if another backend has it. */
  get(dataId: object): Value {
    const value = dataId as Value;
    return value.stored === true ? value : this.moved.get(dataId);
  }

  add(value: Value): tf.TensorInfo {
    value.stored = true;
    this.own++;
    return {dataId: value, shape: value.shape, dtype: value.dtype};
  }

  addMoved(dataId: object, value: Value): void {
    this.moved.set(dataId, value);
  }

  delete(dataId: object): void {
    const value = dataId as Value;
    if (value.stored === true) {
      value.stored = false;
      this.own--;
    } else {
      this.moved.delete(dataId);
    }
  }
}
