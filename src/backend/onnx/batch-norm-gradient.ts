import * as tf from '@tensorflow/tfjs';

/**
 * tfjs's gradient of batch normalisation makes a dozen kernels and three scalars
 * a layer, most of them for gradients that nobody asked for: a third of what an
 * attack's step makes tfjs's engine do. On this backend each gradient is worked
 * out when it is wanted, from what the forward pass has worked out already;
 * other backends keep theirs.
 */
export function registerBatchNormGradient(backendName: string): void {
  const original = tf.getGradient('FusedBatchNorm');
  if (!original) return;
  tf.registerGradient({
    ...original,
    gradFunc: (dy, saved, attrs) => {
      const [x, mean, variance, scale] = saved;
      const ranks = [mean, variance, scale].map(t => t.rank);
      if (tf.getBackend() !== backendName || ranks.some(r => r !== 1)) {
        return original.gradFunc(dy, saved, attrs);
      }
      return gradients(dy as tf.Tensor, {x, mean, variance, scale}, attrs!);
    },
  });
  tf.registerGradient({
    kernelName: 'InverseDeviation',
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

/** With one mean, variance, scale and offset for each channel, the last axis. */
function gradients(
  dy: tf.Tensor,
  {x, mean, variance, scale}: Record<string, tf.Tensor>,
  attrs: tf.NamedAttrMap,
): Record<string, () => tf.Tensor> {
  const axes = x.shape.slice(0, -1).map((_, i) => i);
  const inverse = (): tf.Tensor =>
    tf.engine().runKernel('InverseDeviation', {variance}, attrs);
  const factor = () => tf.mul(inverse(), scale);
  const fromMean = () => tf.sum(tf.mul(dy, tf.sub(x, mean)), axes);
  return {
    x: () => tf.mul(dy, factor()),
    mean: () => tf.neg(tf.mul(tf.sum(dy, axes), factor())),
    variance: () => {
      const cubed = tf.mul(factor(), tf.square(inverse()));
      return tf.mul(fromMean(), tf.mul(cubed, -0.5));
    },
    scale: () => tf.mul(fromMean(), inverse()),
    offset: () => tf.sum(dy, axes),
  };
}
