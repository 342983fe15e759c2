import * as tf from '@tensorflow/tfjs';
import type {ColorSpace} from './color_space.js';

/** RGB itself: both maps are the identity, but for `toRgb`'s clip to [0, 1]. */
export const rgb: ColorSpace = {
  name: 'rgb',
  fromRgb: color => tf.clone(color),
  toRgb: color => tf.clipByValue(color, 0, 1),
  toCube: color => tf.clone(color),
  fromCube: cube => tf.clone(cube),
  ofCube: cube => tf.clone(cube),
};
