import * as tf from '@tensorflow/tfjs';
import {affine, invert3} from './channels.js';
import {colorSpace} from './color_space.js';

// ITU-R BT.601's luma; each difference from it is scaled to span one unit.
const [R, G, B] = [0.299, 0.587, 0.114];
const MATRIX = [
  [R, G, B],
  [(-0.5 * R) / (1 - B), (-0.5 * G) / (1 - B), 0.5],
  [0.5, (-0.5 * G) / (1 - R), (-0.5 * B) / (1 - R)],
];
const INVERSE = invert3(MATRIX);
const OFFSET = [0, 0.5, 0.5];
const INVERSE_OFFSET = INVERSE.map(row => -0.5 * (row[1] + row[2]));

/**
 * YPbPr (ITU-R BT.601): luma, and the blue and red differences moved by 0.5 into
 * [0, 1]. Linear in RGB.
 */
export const ypbpr = colorSpace('ypbpr', {
  fromRgb: rgb => affine(rgb, MATRIX, OFFSET),
  toRgb: color =>
    tf.tidy(() => tf.clipByValue(affine(color, INVERSE, INVERSE_OFFSET), 0, 1)),
  toCube: color => affine(color, INVERSE, INVERSE_OFFSET),
  fromCube: cube => tf.clone(cube),
  ofCube: cube => affine(cube, MATRIX, OFFSET),
});
