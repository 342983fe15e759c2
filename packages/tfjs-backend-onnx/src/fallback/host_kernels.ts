import type * as tf from '@tensorflow/tfjs-core';
import type {Attrs} from '../kernels/registry.js';
import type {Value} from '../trace/value.js';

/**
 * A kernel that runs at once on the host if the data is there and the work is
 * small, such as taking a batch out of a data set: its position changes from
 * batch to batch, and each position would be another graph. Returns undefined
 * to record the call instead.
 */
export type HostKernel = (
  values: Value[],
  infos: tf.TensorInfo[],
  attrs: Attrs,
) => Value | Value[] | undefined;

export const hostKernels = new Map<string, HostKernel>();
