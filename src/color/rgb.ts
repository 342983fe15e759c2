import * as tf from '@tensorflow/tfjs';
import {colorSpace, type Planes} from './color_space.js';

const same = (planes: Planes) => tf.clone(planes);

/** RGB itself: both maps are the identity, but for `toRgb`'s clip to [0, 1]. */
export const rgb = colorSpace('rgb', {
  fromRgb: same,
  toRgb: color => tf.clipByValue(color, 0, 1),
  toCube: same,
  fromCube: same,
  ofCube: same,
});
