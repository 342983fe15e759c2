import type * as tf from '@tensorflow/tfjs';
import type {GradFunc} from './corrected_gradient.js';

/**
 * The gradient of batch normalization, y = (x − mean) · factor + offset with
 * factor = scale / √(variance + ε), for statistics of one number a channel.
 * tfjs-core makes ten kernels and two scalars a layer for it, whatever is asked
 * for: five passes over tensors of the size of x for the gradient of x alone,
 * which is `dy · factor`. Here each gradient is worked out when it is wanted;
 * the others are sums over pixels, taken before they are scaled.
 *
 * @param inverseDeviation 1 / √(variance + ε)
 */
export const batchNormGradient =
  (inverseDeviation: (variance: tf.Tensor, epsilon: number) => tf.Tensor) =>
  (original: GradFunc): GradFunc =>
  (dy, saved, attrs) => {
    const [x, mean, variance, scale] = saved;
    if ([mean, variance, scale].some(t => t && t.rank !== 1)) {
      return original(dy, saved, attrs);
    }
    const {varianceEpsilon} = attrs as {varianceEpsilon: number};
    const dY = dy as tf.Tensor4D;
    const pixels = [0, 1, 2];
    const inverse = () => inverseDeviation(variance, varianceEpsilon);
    const factor = () => (scale ? inverse().mul(scale) : inverse());
    const centered = () => dY.mul(x.sub(mean)).sum(pixels);
    return {
      x: () => dY.mul(factor()),
      mean: () => dY.sum(pixels).mul(factor()).neg(),
      variance: () =>
        centered().mul(factor()).mul(inverse().square()).mul(-0.5),
      scale: () => centered().mul(inverse()),
      offset: () => dY.sum(pixels),
    };
  };
