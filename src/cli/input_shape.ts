import type * as tf from '@tensorflow/tfjs';
import type {InputShape} from './images.js';

/**
 * What a model says of the images it takes.
 *
 * @throws Error if it has not one input [N, H, W, C].
 */
export function inputShapeOf(
  model: tf.LayersModel | tf.GraphModel,
): InputShape {
  const {inputs} = model;
  const shape = inputs[0]?.shape;
  if (inputs.length !== 1 || (shape && shape.length !== 4)) {
    throw new Error(
      `A classifier of images has one input [N, height, width, channels], but this model has ${inputs.length === 1 ? `[${shape}]` : `${inputs.length} inputs`}.`,
    );
  }
  // Null, -1 or undefined stand for any size.
  const size = (i: number) => {
    const n = shape?.[i];
    return n === null || n === undefined || n < 0 ? undefined : n;
  };
  return {height: size(1), width: size(2), channels: size(3)};
}
