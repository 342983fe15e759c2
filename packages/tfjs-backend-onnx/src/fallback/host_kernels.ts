import type * as tf from '@tensorflow/tfjs-core';
import type {Attrs} from '../kernels/registry.js';
import type {Value} from '../trace/value.js';

/**
 * A kernel done at once on the host, where the data is there and it is no work:
 * taking batches out of a data set, say, whose place changes from batch to
 * batch. Undefined where it had better be recorded.
 */
export type HostKernel = (
  values: Value[],
  infos: tf.TensorInfo[],
  attrs: Attrs,
) => Value | Value[] | undefined;

export const hostKernels = new Map<string, HostKernel>();
