import * as tf from '@tensorflow/tfjs-core';
import {overrideGradient} from './override_gradient.js';

/**
 * tfjs's gradients of Sum and Mean multiply by a tensor of ones that they fill
 * element by element in JavaScript, a tenth of the time of a training step. On
 * this backend the gradient is broadcast instead.
 */
export function registerReductionGradients(backendName: string): void {
  for (const kernelName of ['Sum', 'Mean']) {
    overrideGradient(backendName, kernelName, () => (dy, [x], attrs) => {
      const axes = tf.util.parseAxisParam(
        (attrs as {axis?: number | number[]}).axis as number,
        x.shape,
      );
      return {
        x: () => broadcastBack(dy as tf.Tensor, x.shape, axes, kernelName),
      };
    });
  }
}

/** The gradient of a sum, or 1/n of it for a mean, at each element of the input. */
function broadcastBack(
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
