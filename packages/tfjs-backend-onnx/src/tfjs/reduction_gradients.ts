import * as tf from '@tensorflow/tfjs-core';
import {correctGradient} from './override_gradient.js';

/**
 * tfjs's gradients of sums and means multiply by a tensor of ones that they
 * write element by element in JavaScript, a tenth of a training step's time.
 * On this backend the same is said without writing anything; other backends
 * keep theirs.
 */
export function registerGradients(backendName: string): void {
  for (const kernelName of ['Sum', 'Mean']) {
    correctGradient(backendName, kernelName, () => (dy, [x], attrs) => {
      const axes = tf.util.parseAxisParam(
        (attrs as {axis?: number | number[]}).axis as number,
        x.shape,
      );
      return {x: () => spread(dy as tf.Tensor, x.shape, axes, kernelName)};
    });
  }
}

/** Each element of the input gets its result's gradient, or its share of it. */
function spread(
  dy: tf.Tensor,
  shape: number[],
  axes: number[],
  kernelName: string,
): tf.Tensor {
  const kept = shape.map((d, i) => (axes.includes(i) ? 1 : d));
  const gradient = tf.reshape(tf.cast(dy, 'float32'), kept);
  const n = axes.reduce((product, axis) => product * shape[axis], 1);
  const share = kernelName === 'Mean' ? tf.div(gradient, n) : gradient;
  return tf.broadcastTo(share, shape);
}
