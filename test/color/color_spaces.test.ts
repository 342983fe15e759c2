import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import fc from 'fast-check';
import {onLastAxis} from '../../src/color/color_space.js';
import {colorSpaces} from '../../src/color/color_spaces.js';
import {hsvExact} from '../../src/color/hsv.js';
import {image} from '../helpers/arbitraries.js';
import {missingBackend, usual} from '../helpers/backends.js';
import {leak} from '../helpers/memory.js';

await missingBackend(usual);

const {luv, rgb, ypbpr, hsv} = colorSpaces;

/** That `map` takes each first color to the second. */
const KNOWN: Array<
  [name: string, map: (t: tf.Tensor) => tf.Tensor, pairs: number[][][]]
> = [
  [
    // Computed with the sRGB and CIELUV formulas by hand, L/100 and so on.
    'luv',
    t => luv.fromRgb(t),
    [
      [
        [0, 0, 0],
        [0, 0.5, 0.5],
      ],
      [
        [1, 1, 1],
        [1, 0.5, 0.5],
      ],
      [
        [1, 0, 0],
        [0.5324, 1.3751, 0.6888],
      ],
      [
        [0, 1, 0],
        [0.8774, 0.0846, 1.0369],
      ],
      [
        [0, 0, 1],
        [0.323, 0.453, -0.1518],
      ],
      [
        [0.5, 0.5, 0.5],
        [0.5339, 0.5, 0.5],
      ],
    ],
  ],
  [
    'ypbpr',
    t => ypbpr.fromRgb(t),
    [
      [
        [0, 0, 0],
        [0, 0.5, 0.5],
      ],
      [
        [1, 1, 1],
        [1, 0.5, 0.5],
      ],
      [
        [1, 0, 0],
        [0.299, 0.3313, 1],
      ],
      [
        [0, 0, 1],
        [0.114, 1, 0.4187],
      ],
    ],
  ],
  [
    'hsv',
    t => hsv.fromRgb(t),
    [
      [
        [0, 0, 0],
        [0.5, 0.5, 0],
      ],
      [
        [1, 1, 1],
        [0.5, 0.5, 1],
      ],
      [
        [1, 0, 0],
        [1, 0.5, 1],
      ],
      // Green is a third of a turn further, cyan half a turn.
      [
        [0, 1, 0],
        [0.25, 0.933, 1],
      ],
      [
        [0, 1, 1],
        [0, 0.5, 1],
      ],
      [
        [0.5, 0.25, 0.25],
        [0.625, 0.5, 0.5],
      ],
    ],
  ],
  [
    'rgb',
    t => rgb.fromRgb(t),
    [
      [
        [0.2, 0.4, 0.6],
        [0.2, 0.4, 0.6],
      ],
    ],
  ],
];

for (const [name, map, pairs] of KNOWN) {
  test.serial(`${name} of known colors`, t => {
    for (const [from, to] of pairs) {
      const got = map(tf.tensor2d([from])).dataSync();
      to.forEach((v, i) =>
        t.true(Math.abs(got[i] - v) < 1e-3, `${from} gives ${got}, not ${to}`),
      );
    }
  });
}

/**
 * There and back; LUV's matrices are rounded to four digits, and gray in HSV has
 * a chroma of 1e-5, so that its gradient exists.
 */
const EXACT = {luv: 2e-3, rgb: 0, ypbpr: 1e-6, hsvExact: 1.5e-5};

for (const [name, tolerance] of Object.entries(EXACT)) {
  const space = {...colorSpaces, hsvExact}[name as keyof typeof EXACT];
  test.serial(`${name} there and back is the same color`, t => {
    fc.assert(
      fc.property(image(4, 4), values => {
        const left = leak(() => {
          const before = tf.tensor2d(values, [16, 3]);
          const color = space.fromRgb(before);
          const after = space.toRgb(color);
          const error = tf.tidy(
            () => tf.max(tf.abs(tf.sub(before, after))).dataSync()[0],
          );
          if (error > tolerance) throw new Error(`off by ${error}`);
          return [before, color, after];
        });
        return left === 0;
      }),
      {numRuns: 60},
    );
    t.pass();
  });

  test.serial(`${name}: the cube is the gamut`, t => {
    fc.assert(
      fc.property(
        image(4, 4),
        values =>
          tf.tidy(() => {
            const before = tf.tensor2d(values, [16, 3]);
            const {toCube, fromCube, ofCube} = space.planes;
            const cube = onLastAxis(space.fromRgb(before), toCube);
            const [low, high] = [tf.min(cube), tf.max(cube)].map(
              x => x.dataSync()[0],
            );
            const after = onLastAxis(cube, fromCube);
            const [error] = tf.max(tf.abs(tf.sub(before, after))).dataSync();
            const [way] = tf
              .max(
                tf.abs(tf.sub(onLastAxis(cube, ofCube), space.fromRgb(before))),
              )
              .dataSync();
            const ok =
              low > -1e-5 && high < 1 + 1e-5 && error < 1e-4 && way < 1e-4;
            return ok as unknown as tf.TensorContainer;
          }) as unknown as boolean,
      ),
      {numRuns: 60},
    );
    t.pass();
  });
}

test.serial(
  "hsv's way back turns the hue too far, as the released code's does",
  t => {
    const green = hsv.fromRgb(tf.tensor2d([[0, 1, 0]]));
    const back = [...hsv.toRgb(green).dataSync()];
    // (π²/9) · 2 sextants and not 2.
    const sextants = (Math.PI ** 2 / 9) * 2;
    [0, 1, sextants - 2].forEach((v, i) =>
      t.true(Math.abs(back[i] - v) < 1e-4),
    );
  },
);

test.serial('the last axis is the channel, whatever the others', t => {
  for (const space of Object.values({...colorSpaces, hsvExact})) {
    const flat = tf.randomUniform([12, 3], 0, 1, 'float32', '3');
    for (const shape of [[3], [12, 3], [3, 4, 3], [2, 3, 2, 3]]) {
      const n = tf.util.sizeFromShape(shape) / 3;
      const some = tf.reshape(tf.slice(flat, [0, 0], [n, 3]), shape);
      for (const map of ['fromRgb', 'toRgb'] as const) {
        const mapped = space[map](some);
        t.deepEqual(mapped.shape, shape);
        const all = space[map](flat).dataSync();
        mapped
          .dataSync()
          .forEach((v, i) => t.true(Math.abs(v - all[i]) < 1e-6));
      }
    }
  }
});

test.serial('no color, however far, leaves [0, 1] on its way to RGB', t => {
  for (const space of Object.values(colorSpaces)) {
    const far = tf.randomNormal([200, 3], 0.5, 3, 'float32', 4);
    const values = space.toRgb(far).dataSync();
    t.true(
      values.every(v => v >= 0 && v <= 1),
      space.name,
    );
  }
});
