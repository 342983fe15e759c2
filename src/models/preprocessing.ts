import * as tf from '@tensorflow/tfjs';
import {deprecated} from '../ops/deprecated.js';
import {NormalizationLayer} from './layers.js';

/** Options of {@link withPreprocessing}. */
export interface PreprocessingArgs {
  /** Of each channel, or one for all, for pixels in [0, 1]. Default 0. */
  mean?: number | readonly number[];
  /** Standard deviation of each channel, or one for all, above 0. Default 1. */
  stddev?: number | readonly number[];
  /** @deprecated Now `stddev`. */
  deviation?: number | readonly number[];
}

/**
 * The same model behind a layer that computes (x − mean)/stddev: a model that
 * was trained on pixels of another range becomes one of images in [0, 1], which
 * is where attacks and their bounds live.
 *
 * ```js
 * withPreprocessing(model, {stddev: 1 / 255})                // it wants 0 … 255
 * withPreprocessing(model, {mean: 0.5, stddev: 0.5})         // it wants −1 … 1
 * withPreprocessing(model, {mean: [0.49, 0.48, 0.45], stddev: [0.25, 0.24, 0.26]})
 * ```
 *
 * Weights are shared: training the returned model trains `model`. It is not
 * compiled, whatever `model` is: call `compile` before `fit`. Saved and loaded
 * again (with tfjs-adversarial imported, which makes the layer known), it keeps
 * the layer.
 *
 * @param model One input [N, H, W, C], sequential or functional.
 * @throws Error if the model has another input, or there is not one number for
 *     each channel.
 */
export function withPreprocessing(
  model: tf.LayersModel,
  {mean = 0, deviation, stddev = deviation ?? 1}: PreprocessingArgs,
): tf.LayersModel {
  if (deviation !== undefined) {
    deprecated('withPreprocessing({deviation})', 'withPreprocessing({stddev})');
  }
  const inputs = model.inputs ?? [];
  const shape = inputs[0]?.shape ?? [];
  if (inputs.length !== 1 || shape.length !== 4) {
    throw new Error(
      `withPreprocessing needs a model with one input [N, H, W, C], but it has ${inputs.length === 1 ? `[${shape}]` : `${inputs.length} inputs`}.`,
    );
  }
  const perChannel = (value: number | readonly number[]) =>
    typeof value === 'number' ? new Array(shape[3]!).fill(value) : [...value];
  const images = tf.input({shape: shape.slice(1)});
  const layer = new NormalizationLayer({
    mean: perChannel(mean),
    stddev: perChannel(stddev),
  });
  const outputs = model.apply(layer.apply(images)) as tf.SymbolicTensor;
  return tf.model({
    inputs: images,
    outputs,
    name: `${model.name}_preprocessed`,
  });
}
