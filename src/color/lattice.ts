import * as tf from '@tensorflow/tfjs';

/** Lattice points along each of the three colour channels, at least 2 each. */
export type Resolution = readonly [number, number, number];

/**
 * Where colours lie in a lattice over [0, 1]³: for each colour the eight lattice
 * points around it and their trilinear weights. A colour outside the cube is
 * treated as the nearest one inside.
 */
export interface LatticePositions {
  /** Indices of lattice points within one image's lattice: int32 [N, 8 P]. */
  corners: tf.Tensor2D;
  /** Trilinear weights, of sum 1: [N, P, 8]. */
  weights: tf.Tensor3D;
}

/** A lattice has the shape [N, X, Y, 3 Z]: rank 4 at most keeps to what every backend supports. */
export function latticeShape(
  n: number,
  [x, y, z]: Resolution,
): [number, number, number, number] {
  return [n, x, y, z * 3];
}

/** The lattice of each point's own coordinates: the identity function. Shape [1, X, Y, 3 Z]. */
export function identityLattice([x, y, z]: Resolution): tf.Tensor4D {
  const values = new Float32Array(x * y * z * 3);
  let at = 0;
  for (let i = 0; i < x; i++) {
    for (let j = 0; j < y; j++) {
      for (let k = 0; k < z; k++) {
        values[at++] = i / (x - 1);
        values[at++] = j / (y - 1);
        values[at++] = k / (z - 1);
      }
    }
  }
  return tf.tensor4d(values, latticeShape(1, [x, y, z]));
}

/** The eight corners of a cell: offsets along the three axes. */
const CORNERS = [0, 1, 2, 3, 4, 5, 6, 7].map(k => [
  k >> 2,
  (k >> 1) & 1,
  k & 1,
]);

/** Cell and fractional position within it of colours [N, P, 3]. */
function locate(colors: tf.Tensor3D, resolution: Resolution) {
  const last = tf.tensor1d(resolution.map(r => r - 1));
  const scaled = tf.mul(tf.clipByValue(colors, 0, 1), last);
  const cell = tf.minimum(tf.floor(scaled), tf.sub(last, 1));
  return {cell, fraction: tf.sub(scaled, cell)};
}

/** [low weight, high weight] of each axis: [[1 − x, x], [1 − y, y], [1 − z, z]], each [N, P]. */
function axisWeights(fraction: tf.Tensor): tf.Tensor[][] {
  return tf.unstack(fraction, -1).map(f => [tf.sub(1, f), f]);
}

/** @see LatticePositions. `colors` has the shape [N, P, 3]. */
export function latticePositions(
  colors: tf.Tensor3D,
  resolution: Resolution,
): LatticePositions {
  return tf.tidy(() => {
    const {cell, fraction} = locate(colors, resolution);
    const [, y, z] = resolution;
    const strides = [y * z, z, 1];
    const base = tf.sum(tf.mul(cell, tf.tensor1d(strides)), -1, true);
    const offsets = CORNERS.map(
      ([i, j, k]) => i * strides[0] + j * strides[1] + k,
    );
    const [wx, wy, wz] = axisWeights(fraction);
    const yz = CORNERS.slice(0, 4).map(([, j, k]) => tf.mul(wy[j], wz[k]));
    return {
      corners: tf.cast(
        tf.reshape(tf.add(base, tf.tensor1d(offsets)), [colors.shape[0], -1]),
        'int32',
      ) as tf.Tensor2D,
      weights: tf.stack(
        CORNERS.map(([i], k) => tf.mul(wx[i], yz[k % 4])),
        -1,
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

/** Sums rows [M, C] that have the same index into [size, C]. */
export function sumByIndex(
  rows: tf.Tensor2D,
  indices: tf.Tensor1D,
  size: number,
): tf.Tensor2D {
  // wasm has no UnsortedSegmentSum, but adds up what ScatterNd puts on one spot.
  return tf.getKernel('UnsortedSegmentSum', tf.getBackend())
    ? (tf.unsortedSegmentSum(rows, indices, size) as tf.Tensor2D)
    : (tf.scatterND(tf.reshape(indices, [-1, 1]), rows, [
        size,
        rows.shape[1],
      ]) as tf.Tensor2D);
}

function gatherCorners(lattice: tf.Tensor4D, corners: tf.Tensor1D) {
  const points = tf.reshape(lattice, [-1, 3]);
  return tf.reshape(tf.gather(points, corners), [-1, 8, 3]);
}

/** The gradient with respect to the lattice: each corner collects its weight's share. */
function scatterToLattice(
  dy: tf.Tensor,
  weights: tf.Tensor3D,
  corners: tf.Tensor1D,
  shape: number[],
): tf.Tensor {
  const rows = tf.mul(
    tf.reshape(dy, [-1, 1, 3]),
    tf.reshape(weights, [-1, 8, 1]),
  );
  const size = tf.util.sizeFromShape(shape) / 3;
  const sums = sumByIndex(tf.reshape(rows, [-1, 3]), corners, size);
  return tf.reshape(sums, shape);
}

/**
 * Trilinear interpolation of each image's lattice at fixed positions.
 * `lattice`: [N, X, Y, 3 Z]; result: [N, P, 3]. Differentiable with respect to
 * the lattice.
 */
export function sampleLattice(
  lattice: tf.Tensor4D,
  {corners, weights}: LatticePositions,
): tf.Tensor3D {
  const [n, p] = weights.shape;
  const shape = lattice.shape;
  const f = tf.customGrad((lattice, save) => {
    const all = globalCorners(corners, tf.util.sizeFromShape(shape) / 3 / n);
    (save as tf.GradSaveFunc)([all]);
    const values = gatherCorners(lattice as tf.Tensor4D, all);
    const sum = tf.sum(tf.mul(values, tf.reshape(weights, [-1, 8, 1])), 1);
    return {
      value: tf.reshape(sum, [n, p, 3]),
      gradFunc: (dy, saved) =>
        scatterToLattice(dy, weights, (saved as [tf.Tensor1D])[0], shape),
    };
  });
  return f(lattice) as tf.Tensor3D;
}

/**
 * {@link sampleLattice} at the positions of `colors` [N, P, 3]; differentiable
 * with respect to both.
 */
export function sampleLatticeAt(
  lattice: tf.Tensor4D,
  colors: tf.Tensor3D,
  resolution: Resolution,
): tf.Tensor3D {
  const [n, p] = colors.shape;
  const shape = lattice.shape;
  const f = tf.customGrad((lattice, colors, save) => {
    const {corners, weights} = latticePositions(
      colors as tf.Tensor3D,
      resolution,
    );
    const all = globalCorners(corners, tf.util.sizeFromShape(shape) / 3 / n);
    const values = gatherCorners(lattice as tf.Tensor4D, all);
    (save as tf.GradSaveFunc)([all, weights, values, colors as tf.Tensor]);
    const sum = tf.sum(tf.mul(values, tf.reshape(weights, [-1, 8, 1])), 1);
    return {
      value: tf.reshape(sum, [n, p, 3]),
      gradFunc: (dy, saved) => {
        const [all, weights, values, colors] = saved as [
          tf.Tensor1D,
          tf.Tensor3D,
          tf.Tensor3D,
          tf.Tensor3D,
        ];
        return [
          scatterToLattice(dy, weights, all, shape),
          colorGradient(dy, values, colors, resolution),
        ];
      },
    };
  });
  return f(lattice, colors) as tf.Tensor3D;
}

function colorGradient(
  dy: tf.Tensor,
  values: tf.Tensor3D,
  colors: tf.Tensor3D,
  resolution: Resolution,
): tf.Tensor {
  // dy · value of each corner, then the differences across the cell's faces.
  const dot = tf.sum(tf.mul(tf.reshape(dy, [-1, 1, 3]), values), -1);
  const [n, p] = colors.shape;
  const corner = tf.unstack(tf.reshape(dot, [n, p, 8]), -1);
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
  return tf.mul(tf.stack(slopes, -1), tf.cast(inside, 'float32'));
}
