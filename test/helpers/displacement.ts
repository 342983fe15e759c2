import * as tf from '@tensorflow/tfjs';
import {colorSpaces} from '../../src/color/color_spaces.js';
import {Delta} from '../../src/attacks/threat_models/delta.js';
import {ReColor} from '../../src/attacks/threat_models/recolor.js';
import {StAdv} from '../../src/attacks/threat_models/stadv.js';
import type {ThreatModel} from '../../src/attacks/threat_models/threat_model.js';

/**
 * By how much perturbed images break a single rule's bound: at most 0 where
 * they keep it. Computed from the images alone, by another way than the attack's.
 */
export function excess(
  rule: ThreatModel,
  images: tf.Tensor4D,
  perturbed: tf.Tensor4D,
): number {
  return tf.tidy(() => {
    if (rule instanceof Delta) {
      const difference = tf.sub(perturbed, images);
      const size =
        rule.norm === 'l2'
          ? tf.sqrt(tf.sum(tf.square(difference), [1, 2, 3]))
          : tf.abs(difference);
      return tf.max(size).dataSync()[0] - rule.epsilon;
    }
    if (rule instanceof ReColor) {
      const space = colorSpaces[rule.space];
      const moved = tf.abs(
        tf.sub(space.fromRgb(perturbed), space.fromRgb(images)),
      );
      return tf
        .max(tf.sub(moved, tf.tensor1d([...rule.epsilon])))
        .dataSync()[0];
    }
    if (rule instanceof StAdv) return warpExcess(rule, images, perturbed);
    throw new Error(`no displacement is known for ${rule.name}`);
  });
}

/**
 * A flow of at most `d` < 1 pixels takes from the pixel itself at least (1 − d)²
 * and the rest from its neighbors, or from the zeros outside.
 */
function warpExcess(
  {epsilon}: StAdv,
  images: tf.Tensor4D,
  perturbed: tf.Tensor4D,
): number {
  const [n, height, width, channels] = images.shape;
  const d = (epsilon * (Math.max(height, width) - 1)) / 2;
  if (d >= 1) throw new Error('only flows of less than a pixel are checked');
  const x = images.arraySync();
  const y = perturbed.arraySync();
  const at = (i: number, r: number, c: number, k: number) =>
    r < 0 || c < 0 || r >= height || c >= width ? 0 : x[i][r][c][k];
  let worst = -Infinity;
  for (let i = 0; i < n; i++) {
    for (let r = 0; r < height; r++) {
      for (let c = 0; c < width; c++) {
        for (let k = 0; k < channels; k++) {
          const own = at(i, r, c, k);
          let furthest = 0;
          for (const dr of [-1, 0, 1]) {
            for (const dc of [-1, 0, 1]) {
              const other = at(i, r + dr, c + dc, k);
              furthest = Math.max(furthest, Math.abs(other - own));
            }
          }
          const allowed = (1 - (1 - d) ** 2) * furthest;
          worst = Math.max(worst, Math.abs(y[i][r][c][k] - own) - allowed);
        }
      }
    }
  }
  return worst;
}
