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

/**
 * A lattice of colours (or of displacements of colours) for each of N images: one
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

/**
 * Adds up numbers [M], or rows [M, C], that have the same index: [size] or
 * [size, C].
 */
export function sumByIndex<T extends tf.Tensor>(
  values: T,
  indices: tf.Tensor1D,
  size: number,
): T {
  // wasm has no UnsortedSegmentSum and that of cpu goes through all values once
  // for each index, but they add up what ScatterNd puts on one spot.
  const backend = tf.getBackend();
  return backend !== 'cpu' && tf.getKernel('UnsortedSegmentSum', backend)
    ? (tf.unsortedSegmentSum(values, indices, size) as T)
    : (tf.scatterND(tf.reshape(indices, [-1, 1]), values, [
        size,
        ...values.shape.slice(1),
      ]) as T);
}

/** `values` at flat indices; tf.gather on tfjs-node checks every index in JavaScript. */
export function gatherFlat(values: tf.Tensor, indices: tf.Tensor1D): tf.Tensor {
  return tf.gatherND(values, tf.reshape(indices, [-1, 1]));
}

/** One channel's values at the eight corners: [N, P, 8]. */
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
  return tf.unstack(dy, -1).map(channel => {
    const shares = tf.mul(tf.expandDims(channel, -1), weights);
    const sums = sumByIndex(tf.reshape(shares, [-1]), corners, size);
    return tf.reshape(sums, shape);
  });
}

/**
 * Trilinear interpolation of each image's lattice at fixed positions: [N, P, 3].
 * Differentiable with respect to the lattice.
 */
export function sampleLattice(
  lattice: Lattice,
  {corners, weights}: LatticePositions,
): tf.Tensor3D {
  const [n, p] = weights.shape;
  const shape = lattice[0].shape;
  const points = tf.util.sizeFromShape(shape) / n;
  const f = tf.customGrad((...args) => {
    const channels = args.slice(0, 3) as tf.Tensor[];
    const save = args[3] as tf.GradSaveFunc;
    const all = globalCorners(corners, points);
    save([all]);
    const sums = channels.map(channel =>
      tf.sum(tf.mul(gatherCorners(channel, all, [n, p, 8]), weights), -1),
    );
    return {
      value: tf.stack(sums, -1),
      gradFunc: (dy, saved) =>
        scatterToLattice(dy, weights, (saved as [tf.Tensor1D])[0], shape),
    };
  });
  return f(...lattice) as tf.Tensor3D;
}

/**
 * {@link sampleLattice} at the positions of `colors` [N, P, 3]; differentiable
 * with respect to both.
 */
export function sampleLatticeAt(
  lattice: Lattice,
  colors: tf.Tensor3D,
  resolution: Resolution,
): tf.Tensor3D {
  const [n, p] = colors.shape;
  const shape = lattice[0].shape;
  const points = tf.util.sizeFromShape(shape) / n;
  const f = tf.customGrad((...args) => {
    const channels = args.slice(0, 3) as tf.Tensor[];
    const colors = args[3] as tf.Tensor3D;
    const save = args[4] as tf.GradSaveFunc;
    const {corners, weights} = latticePositions(colors, resolution);
    const all = globalCorners(corners, points);
    const values = channels.map(c => gatherCorners(c, all, [n, p, 8]));
    save([all, weights, colors, ...values]);
    return {
      value: tf.stack(
        values.map(v => tf.sum(tf.mul(v, weights), -1)),
        -1,
      ),
      gradFunc: (dy, saved) => {
        const [all, weights, colors, ...values] = saved as tf.Tensor[];
        return [
          ...scatterToLattice(
            dy,
            weights as tf.Tensor3D,
            all as tf.Tensor1D,
            shape,
          ),
          colorGradient(dy, values, colors as tf.Tensor3D, resolution),
        ];
      },
    };
  });
  return f(...lattice, colors) as tf.Tensor3D;
}

function colorGradient(
  dy: tf.Tensor,
  values: tf.Tensor[],
  colors: tf.Tensor3D,
  resolution: Resolution,
): tf.Tensor {
  // dy · value of each corner, then the differences across the cell's faces.
  const shares = tf
    .unstack(dy, -1)
    .map((channel, i) => tf.mul(tf.expandDims(channel, -1), values[i]));
  const corner = tf.unstack(tf.addN(shares), -1);
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
