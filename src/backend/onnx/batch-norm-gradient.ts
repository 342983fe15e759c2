import * as tf from '@tensorflow/tfjs';
import {batchNormGradient} from '../batch_norm_gradient.js';
import {correctGradient} from '../corrected_gradient.js';

/** Its deviation is a kernel of its own, the same node of a graph as the forward pass's. */
export function registerBatchNormGradient(backendName: string): void {
  correctGradient(
    backendName,
    'FusedBatchNorm',
    batchNormGradient((variance, varianceEpsilon) =>
      tf.engine().runKernel('InverseDeviation', {variance}, {varianceEpsilon}),
    ),
  );
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
