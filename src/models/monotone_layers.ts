import * as tf from '@tensorflow/tfjs';
import {activationName} from '../tfjs/layer_activation.js';

type Test = (layer: tf.layers.Layer, output: tf.SymbolicTensor) => boolean;

const always: Test = () => true;

/**
 * Layers that, in inference mode, leave the order of an image's values as it
 * is, both where they lie and which is the largest: logits can be found behind
 * them.
 */
export const TRANSPARENT: Record<string, Test | undefined> = {
  Reshape: always,
  Flatten: always,
  Dropout: always,
  SpatialDropout1D: always,
  GaussianNoise: always,
  GaussianDropout: always,
  AlphaDropout: always,
  Activation: layer => activationName(layer) === 'linear',
  Permute: (_, output) => keepsOrder(output),
  // Percent, for instance.
  Rescaling: layer => (layer as unknown as {scale: number}).scale > 0,
};

/** Whether a permutation moves only axes of size 1. */
function keepsOrder(output: tf.SymbolicTensor): boolean {
  const [before] = output.inputs;
  const long = (t: tf.SymbolicTensor) => t.shape.slice(1).filter(s => s !== 1);
  return long(before).length <= 1 && long(output).length <= 1;
}

/** What layers that merge several outputs do, in terms of their logarithms [N, classes]. */
export const MERGES: Record<
  string,
  ((logs: tf.Tensor[]) => tf.Tensor) | undefined
> = {
  Average: logs =>
    tf.sub(tf.logSumExp(tf.stack(logs), 0), Math.log(logs.length)),
  Add: logs => tf.logSumExp(tf.stack(logs), 0),
  Multiply: logs => tf.addN(logs),
  Maximum: logs => logs.reduce((a, b) => tf.maximum(a, b)),
  Minimum: logs => logs.reduce((a, b) => tf.minimum(a, b)),
};
