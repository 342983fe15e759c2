import * as tf from '@tensorflow/tfjs';
import {gatherFlat, sumByIndex} from '../ops/gather_flat.js';
import {join, split} from './channels.js';
import type {Planes} from './color_space.js';

/** Lattice points along each of the three color channels, at least 2 each. */
export type Resolution = readonly [number, number, number];

/**
 * Where colors lie in a lattice over [0, 1]³: for each color the eight lattice
 * points around it and their trilinear weights. A color outside the cube is
 * treated as the nearest one inside.
 */
export interface LatticePositions {
  /** Indices of lattice points within one image's lattice: int32 [N, 8 P]. */
  corners: tf.Tensor2D;
  /** Trilinear weights, of sum 1: [N, 8, P]. */
  weights: tf.Tensor3D;
}

/**
 * A lattice of colors (or of displacements of colors) for each of N images: one
 * tensor [N, X, Y, Z] per channel. Channels apart need no broadcasting, and
 * gathering single numbers is what backends are fast at.
 */
export type Lattice = [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];

/** The lattice of each point's own coordinates: the identity function. N is 1. */
export function identityLattice(resolution: Resolution): Lattice {
  const axes = resolution.map((size, axis) => {
    const shape = [1, 1, 1, 1];
    shape[axis + 1] = size;
    const values = Float32Array.from({length: size}, (_, i) => i / (size - 1));
    return tf.broadcastTo(tf.tensor(values, shape), [1, ...resolution]);
  });
  return axes as Lattice;
}

/** The eight corners of a cell: offsets along the three axes. */
const CORNERS = [0, 1, 2, 3, 4, 5, 6, 7].map(k => [
  k >> 2,
  (k >> 1) & 1,
  k & 1,
]);

/** Cell and fractional position within it of colors. */
function locate(colors: Planes, resolution: Resolution) {
  const last = perChannel(resolution.map(r => r - 1));
  const scaled = tf.mul(tf.clipByValue(colors, 0, 1), last);
  const cell = tf.minimum(tf.floor(scaled), tf.sub(last, 1));
  return {cell, fraction: tf.sub(scaled, cell)};
}

/** Ready to broadcast over planes. */
function perChannel(values: number[]): tf.Tensor3D {
  return tf.tensor3d(values, [1, 3, 1]);
}

/** [low weight, high weight] of each axis: [[1 − x, x], [1 − y, y], [1 − z, z]], each [N, P]. */
function axisWeights(fraction: tf.Tensor): tf.Tensor[][] {
  return split(fraction).map(f => [tf.sub(1, f), f]);
}

/** @see LatticePositions */
export function latticePositions(
  colors: Planes,
  resolution: Resolution,
): LatticePositions {
  return tf.tidy(() => {
    const {cell, fraction} = locate(colors, resolution);
    const [, y, z] = resolution;
    const strides = [y * z, z, 1];
    const base = tf.sum(tf.mul(cell, perChannel(strides)), 1, true);
    const offsets = CORNERS.map(
      ([i, j, k]) => i * strides[0] + j * strides[1] + k,
    );
    const [wx, wy, wz] = axisWeights(fraction);
    const yz = CORNERS.slice(0, 4).map(([, j, k]) => tf.mul(wy[j], wz[k]));
    return {
      corners: tf.cast(
        tf.reshape(tf.add(base, tf.tensor3d(offsets, [1, 8, 1])), [
          colors.shape[0],
          -1,
        ]),
        'int32',
      ) as tf.Tensor2D,
      weights: tf.stack(
        CORNERS.map(([i], k) => tf.mul(wx[i], yz[k % 4])),
        1,
      ) as tf.Tensor3D,
    };
  });
}

/** Indices of the corners among the points of all N lattices, one after the other: int32 [8 N P]. */
function globalCorners(corners: tf.Tensor2D, points: number): tf.Tensor1D {
  const n = corners.shape[0];
  const starts = tf.range(0, n * points, points, 'int32');
  return tf.reshape(tf.add(corners, tf.reshape(starts, [n, 1])), [-1]);
}

/** One channel's values at the eight corners: [N, 8, P]. */
function gatherCorners(
  channel: tf.Tensor,
  corners: tf.Tensor1D,
  shape: number[],
): tf.Tensor {
  return tf.reshape(gatherFlat(tf.reshape(channel, [-1]), corners), shape);
}

/** The gradient with respect to the lattice: each corner collects its weight's share. */
function scatterToLattice(
  dy: tf.Tensor,
  weights: tf.Tensor3D,
  corners: tf.Tensor1D,
  shape: number[],
): tf.Tensor[] {
  const size = tf.util.sizeFromShape(shape);
  return split(dy).map(channel => {
    const shares = tf.mul(tf.expandDims(channel, 1), weights);
    const sums = sumByIndex(tf.reshape(shares, [-1]), corners, size);
    return tf.reshape(sums, shape);
  });
}

/**
 * Trilinear interpolation of each image's lattice at fixed positions.
 * Differentiable with respect to the lattice.
 */
export function sampleLattice(
  lattice: Lattice,
  {corners, weights}: LatticePositions,
): Planes {
  const [n, , p] = weights.shape;
  const shape = lattice[0].shape;
  const points = tf.util.sizeFromShape(shape) / n;
  const f = tf.customGrad((...args) => {
    const channels = args.slice(0, 3) as tf.Tensor[];
    const save = args[3] as tf.GradSaveFunc;
    const all = globalCorners(corners, points);
    save([all]);
    const sums = channels.map(channel =>
      tf.sum(tf.mul(gatherCorners(channel, all, [n, 8, p]), weights), 1),
    );
    return {
      value: join(sums),
      gradFunc: (dy, saved) =>
        scatterToLattice(dy, weights, (saved as [tf.Tensor1D])[0], shape),
    };
  });
  return f(...lattice) as Planes;
}

/**
 * {@link sampleLattice} at the positions of `colors`; differentiable with respect
 * to both.
 */
export function sampleLatticeAt(
  lattice: Lattice,
  colors: Planes,
  resolution: Resolution,
): Planes {
  const [n, , p] = colors.shape;
  const shape = lattice[0].shape;
  const points = tf.util.sizeFromShape(shape) / n;
  const f = tf.customGrad((...args) => {
    const channels = args.slice(0, 3) as tf.Tensor[];
    const colors = args[3] as Planes;
    const save = args[4] as tf.GradSaveFunc;
    const {corners, weights} = latticePositions(colors, resolution);
    const all = globalCorners(corners, points);
    const values = channels.map(c => gatherCorners(c, all, [n, 8, p]));
    save([all, weights, colors, ...values]);
    return {
      value: join(values.map(v => tf.sum(tf.mul(v, weights), 1))),
      gradFunc: (dy, saved) => {
        const [all, weights, colors, ...values] = saved as tf.Tensor[];
        return [
          ...scatterToLattice(
            dy,
            weights as tf.Tensor3D,
            all as tf.Tensor1D,
            shape,
          ),
          colorGradient(dy, values, colors as Planes, resolution),
        ];
      },
    };
  });
  return f(...lattice, colors) as Planes;
}

function colorGradient(
  dy: tf.Tensor,
  values: tf.Tensor[],
  colors: Planes,
  resolution: Resolution,
): tf.Tensor {
  // dy · value of each corner, then the differences across the cell's faces.
  const shares = split(dy).map((channel, i) =>
    tf.mul(tf.expandDims(channel, 1), values[i]),
  );
  const corner = tf.unstack(tf.addN(shares), 1);
  const weights = axisWeights(locate(colors, resolution).fraction);
  const inside = tf.logicalAnd(
    tf.greaterEqual(colors, 0),
    tf.lessEqual(colors, 1),
  );
  const slopes = [0, 1, 2].map(axis => {
    const [a, b] = [0, 1, 2].filter(i => i !== axis);
    const terms = CORNERS.map((c, k) => {
      const w = tf.mul(weights[a][c[a]], weights[b][c[b]]);
      return tf.mul(tf.mul(w, corner[k]), c[axis] ? 1 : -1);
    });
    return tf.mul(tf.addN(terms), resolution[axis] - 1);
  });
  return tf.mul(join(slopes), tf.cast(inside, 'float32'));
}
