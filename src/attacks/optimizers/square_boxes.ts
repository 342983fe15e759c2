import * as tf from '@tensorflow/tfjs';
import type {Norm} from './optimizer.js';
import type {SquareTerm} from './square_terms.js';

/** A last axis of at most this size holds channels, which boxes do not cut. */
const CHANNELS = 4;

/** What one example draws at one step. */
export interface Draw {
  /** Uniform in [0, 1). */
  random(): number;
  /** The share of all entries that the box covers. */
  share: number;
}

/** New values, and where they go: 1 inside the boxes, 0 elsewhere. Both broadcast to the parameters. */
export interface Proposal {
  mask: tf.Tensor;
  values: tf.Tensor;
}

/**
 * Draws one box per example for a term. All of its parameters have it at the
 * same place.
 *
 * @returns For the shape, bound and norm of one parameter: its boxes.
 */
export function drawBoxes(
  draws: Draw[],
  {space}: SquareTerm,
  images: tf.Tensor4D,
): (shape: number[], bound: number, norm: Norm) => Proposal {
  const places = draws.map(({random}) => [random(), random(), random()]);
  const colors = space && space.fromRgb(pickPixels(images, places));
  return (shape, bound, norm) => {
    const {axes, channels} = split(shape);
    const sides = draws.map(({share}) => boxSides(axes, share));
    const inside = axes.map((size, j) => {
      const center =
        colors && axes.length === 3
          ? tf.mul(tf.clipByValue(column(colors, j), 0, 1), size - 1)
          : tf.tensor1d(
              places.map((u, i) => {
                const start = Math.floor(u[j % 3] * (size - sides[i][j] + 1));
                return start + (sides[i][j] - 1) / 2;
              }),
            );
      const reach = tf.tensor1d(sides.map(s => s[j] / 2));
      return indicator(center, reach, j, shape);
    });
    const size = channels || 1;
    const lengths = sides.map(s => {
      if (norm === 'linf') return bound;
      return bound / Math.sqrt(s.reduce((a, b) => a * b, size));
    });
    const values = new Float32Array(draws.length * size);
    draws.forEach(({random}, i) => {
      for (let c = 0; c < size; c++) {
        values[i * size + c] = random() < 0.5 ? -lengths[i] : lengths[i];
      }
    });
    const ones = axes.map(() => 1);
    const tail = channels ? [channels] : [];
    return {
      mask: inside.reduce((a, b) => tf.mul(a, b)),
      values: tf.tensor(values, [draws.length, ...ones, ...tail]),
    };
  };
}

/**
 * Vertical stripes over whole images, one entry wide, each with its own sign in
 * each channel. Null for parameters that are not laid out like images.
 */
export function drawStripes(
  draws: Draw[],
  shape: number[],
  bound: number,
  norm: Norm,
): Proposal | null {
  const {axes, channels} = split(shape);
  if (axes.length !== 2 || !channels) return null;
  const [height, width] = axes;
  const length =
    norm === 'linf' ? bound : bound / Math.sqrt(height * width * channels);
  const size = width * channels;
  const values = new Float32Array(draws.length * size);
  draws.forEach(({random}, i) => {
    for (let k = 0; k < size; k++) {
      values[i * size + k] = random() < 0.5 ? -length : length;
    }
  });
  return {
    mask: tf.ones([draws.length, 1, 1, 1]),
    values: tf.tensor(values, [draws.length, 1, width, channels]),
  };
}

/** The axes that boxes cut, and the number of channels beside them; 0 where there are none. */
function split(shape: number[]): {axes: number[]; channels: number} {
  const last = shape[shape.length - 1];
  return shape.length > 1 && last <= CHANNELS
    ? {axes: shape.slice(0, -1), channels: last}
    : {axes: shape, channels: 0};
}

/** The sides of a box that covers this share of all entries: the same share of each axis. */
function boxSides(axes: number[], share: number): number[] {
  const part = share ** (1 / axes.length);
  return axes.map(size => Math.max(1, Math.round(part * size)));
}

/** 1 at the entries of axis `j` that are nearer than `reach` to the center, else 0. */
function indicator(
  center: tf.Tensor,
  reach: tf.Tensor,
  j: number,
  shape: number[],
): tf.Tensor {
  const along = shape.map((size, k) => (k === j ? size : 1));
  const grid = tf.reshape(tf.range(0, shape[j], 1, 'float32'), [1, ...along]);
  const spread = (t: tf.Tensor) => tf.reshape(t, [-1, ...shape.map(() => 1)]);
  const apart = tf.abs(tf.sub(grid, spread(center)));
  return tf.cast(tf.less(apart, spread(reach)), 'float32');
}

/** One pixel of each image, [N, 3], at the places given in [0, 1). */
function pickPixels(images: tf.Tensor4D, places: number[][]): tf.Tensor2D {
  const [, height, width] = images.shape;
  const indices = places.map(([y, x], i) => [
    i,
    Math.floor(y * height),
    Math.floor(x * width),
  ]);
  return tf.gatherND(
    images,
    tf.tensor2d(indices, undefined, 'int32'),
  ) as tf.Tensor2D;
}

function column(t: tf.Tensor2D, j: number): tf.Tensor {
  return tf.reshape(tf.slice(t, [0, j], [-1, 1]), [-1]);
}
