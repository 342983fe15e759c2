import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {logits} from '../../src/models/logits.js';
import {klDivergence, losses} from '../../src/attacks/losses.js';
import {ReColor} from '../../src/attacks/threat_models/recolor.js';
import {smoothness} from '../../src/attacks/threat_models/smoothness.js';
import type {ThreatModel} from '../../src/attacks/threat_models/threat_model.js';
import {
  exactCoordinates,
  gridSampleCoordinates,
  warp,
} from '../../src/attacks/threat_models/warp.js';
import {colorSpaces} from '../../src/color/color_spaces.js';
import {
  onLastAxis,
  type Planes,
  toPlanes,
} from '../../src/color/color_space.js';
import {withinGamut} from '../../src/color/gamut.js';
import {hsvExact} from '../../src/color/hsv.js';
import {
  type Lattice,
  sampleLattice,
  sampleLatticeAt,
  latticePositions,
} from '../../src/color/lattice.js';
import {missingBackend, usual} from '../helpers/backends.js';
import {gradientError, weighted} from '../helpers/finite_differences.js';
import {RESOLUTION, small, toyImages, toyModel} from '../helpers/toy.js';

await missingBackend(usual);

/** Differences of float32 numbers of size 1 over steps of 1e-3. */
const TOLERANCE = 1e-2;

const uniform = (shape: number[], low: number, high: number, seed = 1) =>
  tf.randomUniform(shape, low, high, 'float32', String(seed));

/** Colors well inside the gamut, of which none is gray. */
const colors = tf.tidy(() =>
  tf.add(uniform([2, 4, 4, 3], -0.07, 0.07, 5), tf.tensor1d([0.35, 0.55, 0.7])),
) as tf.Tensor4D;

/** Everything that `f` maps, `parameters` in one long row. */
function inOneRow(
  parameters: tf.Tensor[],
  f: (parameters: tf.Tensor[]) => tf.Tensor,
): [f: (row: tf.Tensor) => tf.Tensor, row: tf.Tensor] {
  const row = tf.concat(parameters.map(p => tf.reshape(p, [-1])));
  const apart = (row: tf.Tensor) =>
    tf
      .split(
        row,
        parameters.map(p => p.size),
      )
      .map((part, i) => tf.reshape(part, parameters[i].shape));
  return [row => f(apart(row)), row];
}

const within = (model: ThreatModel, images: tf.Tensor4D, share = 0.5) =>
  model
    .zeros(images)
    .map((z, i) =>
      uniform(z.shape, -share, share, i + 3).mul(model.bounds()[i]),
    );

for (const space of ['luv', 'rgb', 'ypbpr', 'hsv'] as const) {
  for (const variant of ['paper', 'reference'] as const) {
    const name = `recoloring in ${space} (${variant})`;
    const model = new ReColor({space, variant, resolution: RESOLUTION});
    const lattice = within(model, colors);
    test.serial(`${name}: gradient of the lattice`, t => {
      for (const constants of [model.prepare(colors), null]) {
        const [f, row] = inOneRow(lattice, p =>
          weighted(model.apply(colors, p, constants)),
        );
        const error = gradientError(f, row);
        t.true(error < TOLERANCE, `${error}`);
      }
    });
    test.serial(`${name}: gradient of the images`, t => {
      const f = (x: tf.Tensor) =>
        weighted(model.apply(x as tf.Tensor4D, lattice, null));
      // A step short enough to stay in the cells of the lattice.
      const error = gradientError(f, colors, 3e-4);
      t.true(error < 2 * TOLERANCE, `${error}`);
    });
  }
}

/** Ends of ways that lead out of the cube, in YPbPr; what they show of gradients. */
const WAYS = [
  {
    title: 'clipping is allowed',
    from: [0.7, 0.4, 0.5],
    to: [1.3, 0.42, 0.52],
    bound: [0.2, 0.2, 0.2],
    end: [1, 0.42, 0.52],
    ofMoved: [0, 1, 1],
    ofOriginal: [0, 0, 0],
  },
  {
    // Clipping would move Y by 0.104, the way out by 0.097; it is half of it:
    // (1 − 0.7)/(1.3 − 0.7).
    title: 'only the way out is allowed',
    from: [0.7, 0.4, 0.5],
    to: [1.3, 0.42, 0.52],
    bound: [0.1, 0.2, 0.2],
    end: [1, 0.41, 0.51],
    ofMoved: [0, 0.5, 0.5],
    ofOriginal: [0, 0.5, 0.5],
  },
  {
    // Clipping would move Y by 0.014, and the way out begins at the wall.
    title: 'nothing is allowed',
    from: [1, 0.4, 0.5],
    to: [1.6, 0.42, 0.52],
    bound: [0.01, 0.2, 0.2],
    end: [1, 0.4, 0.5],
    ofMoved: [0, 0, 0],
    ofOriginal: [1, 1, 1],
  },
];

for (const {title, from, to, bound, ...wanted} of WAYS) {
  test.serial(`out of the gamut, where ${title}: end and gradients`, t => {
    const space = colorSpaces.ypbpr;
    const [moved, original] = [to, from].map(c => tf.tensor3d([[c]]));
    const colors = toPlanes(onLastAxis(original, space.planes.ofCube));
    const end = (moved: tf.Tensor, original: tf.Tensor) =>
      withinGamut(
        toPlanes(moved as tf.Tensor3D),
        toPlanes(original as tf.Tensor3D),
        colors,
        space.planes,
        bound,
      );
    const close = (t: tf.Tensor, wanted: number[]) =>
      t.dataSync().every((v, i) => Math.abs(v - wanted[i]) < 1e-6);
    t.true(close(end(moved, original), wanted.end));
    const [ofMoved, ofOriginal] = tf.grads((m, o) => tf.sum(end(m, o)))([
      moved,
      original,
    ]);
    t.true(close(ofMoved, wanted.ofMoved));
    t.true(close(ofOriginal, wanted.ofOriginal));
  });
}

for (const [name, coordinates] of [
  ['exact', exactCoordinates],
  ['as in PyTorch', gridSampleCoordinates],
] as const) {
  test.serial(`warping, ${name}: gradients of flow and images`, t => {
    const images = toyImages(2, {size: 5});
    // Also from outside the image; never within a step of a whole pixel.
    const flow = tf.tidy(() => {
      const sign = tf.sign(uniform([2, 5, 5, 2], -1, 1, 4));
      return tf.mul(sign, uniform([2, 5, 5, 2], 0.05, 0.45, 5));
    }) as tf.Tensor4D;
    const ofFlow = (vary: boolean) =>
      gradientError(
        f => weighted(warp(images, f as tf.Tensor4D, coordinates, vary)),
        flow,
      );
    t.true(ofFlow(true) < TOLERANCE);
    t.true(ofFlow(false) < TOLERANCE);
    const error = gradientError(
      x => weighted(warp(x as tf.Tensor4D, flow, coordinates, true)),
      images,
      // Linear in the images: the larger the step, the less rounding.
      0.1,
    );
    t.true(error < 1e-3, `${error}`);
  });
}

test.serial('smoothness: gradient of each component', t => {
  for (const shape of [
    [2, 3, 4, 5],
    [1, 1, 4, 4],
    [2, 1, 1, 3],
    [2, 3, 4, 1],
    // Blocks of channels on onnx.
    [1, 2, 3, 16],
  ]) {
    const components = [1, 2, 3].map(i => uniform(shape, -1, 1, i));
    const [f, row] = inOneRow(components, parts =>
      weighted(smoothness(parts as tf.Tensor4D[])),
    );
    const error = gradientError(f, row);
    t.true(error < TOLERANCE, `${shape}: ${error}`);
  }
});

test.serial('the lattice: gradients of its values and of the colors', t => {
  const lattice = [1, 2, 3].map(i =>
    uniform([2, ...RESOLUTION], -1, 1, i),
  ) as Lattice;
  const at = uniform([2, 3, 7], 0.05, 0.95, 8) as Planes;
  const positions = latticePositions(at, RESOLUTION);
  const ways: Array<(lattice: Lattice) => tf.Tensor> = [
    l => sampleLattice(l, positions),
    l => sampleLatticeAt(l, at, RESOLUTION),
  ];
  for (const sample of ways) {
    const [f, row] = inOneRow(lattice, l => weighted(sample(l as Lattice)));
    const error = gradientError(f, row, 0.1);
    t.true(error < 1e-3, `${error}`);
  }
  const error = gradientError(
    c => weighted(sampleLatticeAt(lattice, c as Planes, RESOLUTION)),
    at,
    1e-4,
  );
  t.true(error < TOLERANCE, `${error}`);
});

test.serial('beyond the lattice, colors have no slope', t => {
  const lattice = [1, 2, 3].map(i =>
    uniform([1, ...RESOLUTION], -1, 1, i),
  ) as Lattice;
  const outside = tf.tensor3d([-0.2, 1.3, 0.5], [1, 3, 1]);
  const gradient = tf.grad(c =>
    weighted(sampleLatticeAt(lattice, c as Planes, RESOLUTION)),
  )(outside);
  const [a, b, c] = gradient.dataSync();
  t.deepEqual([Math.abs(a), Math.abs(b)], [0, 0]);
  t.not(c, 0);
});

for (const [name, space] of Object.entries({...colorSpaces, hsvExact})) {
  test.serial(`${name}: gradients both ways`, t => {
    const forward = gradientError(x => weighted(space.fromRgb(x)), colors);
    t.true(forward < TOLERANCE, `from RGB: ${forward}`);
    const inside = space.fromRgb(colors);
    for (const map of ['toRgb', 'toCube'] as const) {
      const f = (c: tf.Tensor) => onLastAxis(c, space.planes[map]);
      const back = gradientError(c => weighted(f(c)), inside, 3e-4);
      t.true(back < TOLERANCE, `${map}: ${back}`);
    }
    const {fromCube, ofCube} = space.planes;
    const encoded = gradientError(
      c => weighted(onLastAxis(c, fromCube)),
      colors,
    );
    t.true(encoded < TOLERANCE, `fromCube: ${encoded}`);
    const decoded = gradientError(c => weighted(onLastAxis(c, ofCube)), colors);
    t.true(decoded < TOLERANCE, `ofCube: ${decoded}`);
  });
}

test.serial('LUV: the gradient of dark and of negative light', t => {
  const {luv} = colorSpaces;
  const {fromCube, toCube} = luv.planes;
  for (const [low, high] of [
    [0.0002, 0.003],
    [-0.5, -0.01],
  ]) {
    const linear = uniform([20, 3], low, high);
    const error = gradientError(
      c => weighted(onLastAxis(c, fromCube)),
      linear,
      5e-5,
    );
    t.true(error < TOLERANCE, `${error}`);
  }
  const nearlyBlack = luv.fromRgb(uniform([20, 3], 0.005, 0.04));
  const error = gradientError(
    c => weighted(onLastAxis(c, toCube)),
    nearlyBlack,
    1e-4,
  );
  t.true(error < 3 * TOLERANCE, `${error}`);
});

test.serial('gradients are finite at every corner of the color spaces', t => {
  const corners = tf.tensor2d(
    [0, 1].flatMap(r =>
      [0, 1].flatMap(g => [0, 1].map((b): number[] => [r, g, b])),
    ),
  );
  const grays = tf.tidy(() =>
    tf.tile(tf.linspace(0, 1, 5).reshape([5, 1]), [1, 3]),
  );
  for (const [name, space] of Object.entries({...colorSpaces, hsvExact})) {
    for (const points of [corners, grays]) {
      const forward = tf.grad(x => tf.sum(space.fromRgb(x)))(points);
      const color = space.fromRgb(points);
      const back = tf.grad(x => tf.sum(space.toRgb(x)))(color);
      const {fromCube, toCube} = space.planes;
      const there = (x: tf.Tensor) =>
        onLastAxis(x, planes => fromCube(toCube(planes)));
      const cube = tf.grad(x => tf.sum(there(x)))(color);
      for (const g of [forward, back, cube]) {
        t.true(g.dataSync().every(Number.isFinite), name);
      }
    }
  }
});

test.serial('losses: gradients of the logits', t => {
  const z = uniform([5, 4], -2, 2) as tf.Tensor2D;
  const cleanLogits = uniform([5, 4], -2, 2, 2) as tf.Tensor2D;
  const labels = tf
    .oneHot(tf.tensor1d([0, 1, 2, 3, 1], 'int32'), 4)
    .toFloat() as tf.Tensor2D;
  for (const [name, loss] of Object.entries(losses)) {
    for (const targeted of [false, true]) {
      const error = gradientError(
        z =>
          weighted(
            loss({
              logits: z as tf.Tensor2D,
              labels,
              cleanLogits,
              targeted,
              confidence: Infinity,
            }),
          ),
        z,
      );
      t.true(error < TOLERANCE, `${name}: ${error}`);
    }
  }
  const both = [z, cleanLogits].map((_, i) =>
    gradientError(
      p =>
        weighted(
          i === 0
            ? klDivergence(p as tf.Tensor2D, cleanLogits)
            : klDivergence(z, p as tf.Tensor2D),
        ),
      i === 0 ? z : cleanLogits,
    ),
  );
  both.forEach(error => t.true(error < TOLERANCE, `${error}`));
});

test.serial('a whole sequence: gradient of every parameter', t => {
  const model = toyModel({end: 'logits'});
  const images = tf.tidy(() =>
    tf.tile(tf.slice(colors, [0, 0, 0, 0], [2, 3, 3, 3]), [1, 2, 2, 1]),
  ) as tf.Tensor4D;
  for (const spec of ['C+S+D', 'D+S+C', 'S+C-YPbPr']) {
    const rules = small(spec);
    const constants = rules.prepare(images);
    const [f, row] = inOneRow(within(rules, images), parameters =>
      weighted(logits(model, rules.apply(images, parameters, constants))),
    );
    const error = gradientError(f, row, 2e-4);
    t.true(error < 5 * TOLERANCE, `${spec}: ${error}`);
  }
});
