import * as tf from '@tensorflow/tfjs';
import {mapChannels} from './channels.js';
import {type ColorSpace, colorSpace, type Planes} from './color_space.js';

const THIRD = (2 * Math.PI) / 3;

function fromRgb(rgb: Planes): Planes {
  return mapChannels(rgb, ([r, g, b]) => {
    const value = tf.maximum(tf.maximum(r, g), b);
    const chroma = tf.sub(value, tf.minimum(tf.minimum(r, g), b));
    // The direction of (r, g, b) around the gray axis, by the hexagon's hue and
    // not by the angle itself: a sixth of a turn between neighboring corners.
    const safe = tf.where(
      tf.greaterEqual(chroma, 1e-12),
      chroma,
      tf.onesLike(chroma),
    );
    const sector = (from: tf.Tensor, to: tf.Tensor, base: number) =>
      tf.add(tf.mul(tf.div(tf.sub(from, to), safe), THIRD / 2), base);
    const hue = tf.where(
      tf.greaterEqual(r, value),
      sector(g, b, 0),
      tf.where(
        tf.greaterEqual(g, value),
        sector(b, r, THIRD),
        sector(r, g, 2 * THIRD),
      ),
    );
    const half = tf.div(chroma, 2);
    return [
      tf.add(tf.mul(half, tf.cos(hue)), 0.5),
      tf.add(tf.mul(half, tf.sin(hue)), 0.5),
      value,
    ];
  });
}

/** The inverse of {@link fromRgb}, an angle of 1 rad being `sextants` sextants of hue. */
function toCube(color: Planes, sextants: number): Planes {
  return mapChannels(color, ([a, b, value]) => {
    const x = tf.sub(tf.mul(a, 2), 1);
    const y = tf.sub(tf.mul(b, 2), 1);
    const squared = tf.add(tf.square(x), tf.square(y));
    const chroma = tf.minimum(tf.sqrt(tf.add(squared, 1e-10)), value);
    // atan2 has no gradient at the gray axis.
    const safeX = tf.where(
      tf.greaterEqual(squared, 1e-12),
      x,
      tf.fill(x.shape, 1),
    );
    const angle = tf.mul(tf.atan2(y, safeX), sextants);
    const hue = tf.where(tf.greaterEqual(angle, 0), angle, tf.add(angle, 6));
    // Smith (1978): each channel is the value less the chroma times a trapezoid
    // of the hue, shifted by a third of a turn from channel to channel.
    return [5, 3, 1].map(shift => {
      const k = tf.add(hue, shift);
      const wrapped = tf.where(tf.greaterEqual(k, 6), tf.sub(k, 6), k);
      const trapezoid = tf.clipByValue(
        tf.minimum(wrapped, tf.sub(4, wrapped)),
        0,
        1,
      );
      return tf.sub(value, tf.mul(chroma, trapezoid));
    });
  });
}

function cone(name: string, sextants: number): ColorSpace {
  return colorSpace(name, {
    fromRgb,
    toCube: color => toCube(color, sextants),
    fromCube: cube => tf.clone(cube),
    ofCube: fromRgb,
    toRgb: color =>
      tf.tidy(() => tf.clipByValue(toCube(color, sextants), 0, 1)),
  });
}

/**
 * HSV as a cone: (½ + ½ C cos H, ½ + ½ C sin H, V), C being the chroma
 * max − min. Continuous where hue itself is not.
 *
 * This is the space of the paper's released code, whose inverse turns the hue
 * too far: a hue of H radians comes back as (π²/9) H. So `toRgb(fromRgb(x))` is
 * not x; the `paper` variant of C-HSV recolors with the true inverse.
 */
export const hsv = cone('hsv', Math.PI / 3);

/** {@link hsv} with its true inverse; what the `paper` variant of C-HSV recolors in. */
export const hsvExact = cone('hsv', 3 / Math.PI);
