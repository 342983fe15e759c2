import * as tf from '@tensorflow/tfjs-core';
import {overrideGradient} from './override_gradient.js';

/**
 * Replaces the gradient of batch normalization, y = (x − mean) · factor + offset
 * with factor = scale / √(variance + ε). tfjs-core computes all five gradients
 * at once, ten kernels and two scalars per layer; here each one is computed only
 * when it is requested. 1/√(variance + ε) is a kernel of its own
 * (`InverseStddev`), so that the graph shares its node with the forward pass.
 */
export function registerBatchNormGradient(backendName: string): void {
  overrideGradient(backendName, 'FusedBatchNorm', original => {
    return (dy, saved, attrs) => {
      const [x, mean, variance, scale] = saved;
      if ([mean, variance, scale].some(t => t && t.rank !== 1)) {
        return original(dy, saved, attrs);
      }
      const {varianceEpsilon} = attrs as {varianceEpsilon: number};
      const dY = dy as tf.Tensor;
      const overPixels = (t: tf.Tensor) => tf.sum(t, [0, 1, 2]);
      const inverseStddev = (): tf.Tensor =>
        tf.engine().runKernel('InverseStddev', {variance}, {varianceEpsilon});
      const factor = () =>
        scale ? tf.mul(inverseStddev(), scale) : inverseStddev();
      const centered = () => overPixels(tf.mul(dY, tf.sub(x, mean)));
      return {
        x: () => tf.mul(dY, factor()),
        mean: () => tf.neg(tf.mul(overPixels(dY), factor())),
        variance: () =>
          tf.mul(
            tf.mul(tf.mul(centered(), factor()), tf.square(inverseStddev())),
            -0.5,
          ),
        scale: () => tf.mul(centered(), inverseStddev()),
        offset: () => overPixels(dY),
      };
    };
  });
  tf.registerGradient({
    kernelName: 'InverseStddev',
    inputsToSave: ['variance'],
    gradFunc: (dy, [variance], attrs) => ({
      variance: () => {
        const {varianceEpsilon} = attrs as {varianceEpsilon: number};
        const cubed = tf.pow(tf.add(variance, varianceEpsilon), -1.5);
        return tf.mul(dy as tf.Tensor, tf.mul(cubed, -0.5));
      },
    }),
  });
}
