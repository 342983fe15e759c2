import * as tf from '@tensorflow/tfjs';
import {affine, invert3, join, mapChannels, split} from './channels.js';
import {colorSpace, type Planes} from './color_space.js';

/*
 * CIELUV under the white point D65, on sRGB (IEC 61966-2-1), scaled as in the
 * paper's code: L/100, (u + 100)/200, (v + 100)/200. The constants have the
 * number of digits that the paper's code uses, so that results agree with it.
 */
const RGB_TO_XYZ = [
  [0.4124, 0.3576, 0.1805],
  [0.2126, 0.7152, 0.0722],
  [0.0193, 0.1192, 0.9504],
];
const XYZ_TO_RGB = [
  [3.2406, -1.5372, -0.4986],
  [-0.9689, 1.8758, 0.0415],
  [0.0557, -0.204, 1.057],
];
/** {@link XYZ_TO_RGB} is rounded to four digits; this is the matrix's own inverse. */
const XYZ_TO_RGB_EXACT = invert3(RGB_TO_XYZ);
/** Chromaticity of the white point. */
const WHITE_U = 0.1978;
const WHITE_V = 0.4683;
/** CIE's slope of L near black, (29/3)³, and where the cube root takes over. */
const SLOPE = (29 / 3) ** 3;
const DARK_Y = (6 / 29) ** 3;
const DARK_L = 8;
/** Keeps black, whose chromaticity is undefined, at the white point's. */
const EPSILON = 1e-10;
const XYZ_MAX = 1.1;

/** sRGB's decoding from display values to linear light. */
function linearize(rgb: Planes): Planes {
  return tf.tidy(() =>
    tf.where(
      tf.greaterEqual(rgb, 0.04045),
      tf.pow(tf.div(tf.add(rgb, 0.055), 1.055), 2.4),
      tf.div(rgb, 12.92),
    ),
  ) as Planes;
}

/**
 * sRGB's encoding of linear light; below zero it goes on linearly. Its gradient
 * is written out since tfjs has none for comparisons.
 */
function encode(linear: Planes): Planes {
  const f = tf.customGrad((linear, save) => {
    const x = linear as tf.Tensor;
    const bright = tf.greater(x, 0.0031308);
    // The floor only keeps the branch that is not taken from becoming NaN.
    const floored = tf.maximum(x, 1e-3);
    const power = tf.mul(tf.pow(floored, 1 / 2.4), 1.055);
    (save as tf.GradSaveFunc)([bright, tf.div(power, tf.mul(floored, 2.4))]);
    return {
      value: tf.where(bright, tf.sub(power, 0.055), tf.mul(x, 12.92)),
      gradFunc: (dy, saved) => {
        const [bright, slope] = saved as tf.Tensor[];
        return tf.mul(dy, tf.where(bright, slope, tf.fill(dy.shape, 12.92)));
      },
    };
  });
  return f(linear) as Planes;
}

function xyzToLuv(xyz: Planes): Planes {
  return mapChannels(xyz, ([x, y, z]) => {
    const l = tf.where(
      tf.greaterEqual(y, DARK_Y),
      tf.sub(tf.mul(tf.pow(tf.maximum(y, 1e-3), 1 / 3), 116), 16),
      tf.mul(y, SLOPE),
    );
    const denominator = tf.add(
      tf.addN([x, tf.mul(y, 15), tf.mul(z, 3)]),
      EPSILON,
    );
    const l13 = tf.mul(l, 13);
    const u = tf.mul(l13, tf.sub(tf.div(tf.mul(x, 4), denominator), WHITE_U));
    const v = tf.mul(l13, tf.sub(tf.div(tf.mul(y, 9), denominator), WHITE_V));
    return [
      tf.div(l, 100),
      tf.div(tf.add(u, 100), 200),
      tf.div(tf.add(v, 100), 200),
    ];
  });
}

/**
 * XYZ from LUV, with U = 13 L u′ and V = 13 L v′ in place of the chromaticities
 * u′ and v′ themselves: nothing is divided by L, which is 0 at black. Then
 *
 *   X = 9/4 Y U/V,   Z = Y (39 L − 3/4 U − 5 V)/V.
 */
function luvToXyz(luv: Planes): Planes {
  const f = tf.customGrad((luv, save) => {
    const [l0, u0, v0] = split(luv as tf.Tensor);
    const l = tf.mul(l0, 100);
    const l13 = tf.mul(tf.add(l, EPSILON), 13);
    const u = tf.add(tf.sub(tf.mul(u0, 200), 100), tf.mul(l13, WHITE_U));
    const v = tf.add(tf.sub(tf.mul(v0, 200), 100), tf.mul(l13, WHITE_V));
    const bright = tf.greater(l, DARK_L);
    const root = tf.div(tf.add(l, 16), 116);
    const square = tf.square(root);
    const y = tf.where(bright, tf.mul(square, root), tf.div(l, SLOPE));
    const slope = tf.where(
      bright,
      tf.mul(square, 3 / 116),
      tf.fill(l.shape, 1 / SLOPE),
    );
    const xPerY = tf.div(tf.mul(u, 2.25), v);
    const zPerY = tf.sub(tf.div(tf.sub(tf.mul(l13, 3), tf.mul(u, 0.75)), v), 5);
    (save as tf.GradSaveFunc)([v, y, slope, xPerY, zPerY]);
    return {
      value: join([tf.mul(xPerY, y), y, tf.mul(zPerY, y)]),
      gradFunc: (dy, saved) => {
        const [v, y, slope, xPerY, zPerY] = saved as tf.Tensor[];
        const [dX, dYDirect, dZ] = split(dy);
        const yPerV = tf.div(y, v);
        const dU = tf.mul(yPerV, tf.sub(tf.mul(dX, 2.25), tf.mul(dZ, 0.75)));
        const dV = tf.neg(
          tf.mul(
            yPerV,
            tf.add(tf.mul(xPerY, dX), tf.mul(tf.add(zPerY, 5), dZ)),
          ),
        );
        const dY = tf.addN([dYDirect, tf.mul(xPerY, dX), tf.mul(zPerY, dZ)]);
        const dL = tf.addN([
          tf.mul(dY, slope),
          tf.mul(tf.mul(yPerV, dZ), 39),
          tf.mul(dU, 13 * WHITE_U),
          tf.mul(dV, 13 * WHITE_V),
        ]);
        return join([tf.mul(dL, 100), tf.mul(dU, 200), tf.mul(dV, 200)]);
      },
    };
  });
  return f(luv) as Planes;
}

/**
 * CIELUV, in which equal distances look about equally large. L is scaled from
 * [0, 100] and u and v from [−100, 100] to [0, 1]; saturated colors leave that
 * range.
 *
 * Source: CIE 15 (CIELUV), IEC 61966-2-1 (sRGB); the scaling and the clip of XYZ
 * to [0, 1.1] in `toRgb` are those of the paper's released code (Laidlaw &
 * Feizi 2019).
 */
export const luv = colorSpace('luv', {
  fromRgb: rgb => tf.tidy(() => xyzToLuv(affine(linearize(rgb), RGB_TO_XYZ))),
  toRgb: color =>
    tf.tidy(() => {
      const xyz = tf.clipByValue(luvToXyz(color), 0, XYZ_MAX);
      return tf.clipByValue(encode(affine(xyz, XYZ_TO_RGB)), 0, 1);
    }),
  toCube: color => tf.tidy(() => affine(luvToXyz(color), XYZ_TO_RGB_EXACT)),
  fromCube: encode,
  ofCube: cube => tf.tidy(() => xyzToLuv(affine(cube, RGB_TO_XYZ))),
});
