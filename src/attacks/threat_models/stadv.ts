import * as tf from '@tensorflow/tfjs';
import {smoothNoisePerSeed} from '../../ops/smooth_noise.js';
import {checkEpsilon, formatEpsilon} from './epsilon.js';
import {
  checkSmooth,
  DEFAULT_EPSILON,
  noiseSpacing,
  scaledSmooth,
  termName,
} from './smooth.js';
import {largestDifference, projectSmooth} from './smooth_bound.js';
import {alternating} from './smooth_gradient.js';
import {smoothness} from './smoothness.js';
import {largestMagnitude, ThreatModel, type Variant} from './threat_model.js';
import {
  exactCoordinates,
  gridSampleCoordinates,
  samplingGrid,
  warp,
} from './warp.js';

/** Options of {@link StAdv}. */
export interface StAdvArgs {
  /**
   * Bound on each component of the flow, in units in which the image spans 2
   * between the centers of its corner pixels. Default 0.05: 0.775 pixels on
   * 32×32.
   */
  epsilon?: number;
  /**
   * Bound on the Euclidean norm of the difference of the flow at neighboring
   * pixels, ‖d_j − d_k‖₂ ≤ smooth, in the same units, at least 0. Default
   * Infinity: none.
   */
  smooth?: number;
  /** `paper` (the default) or `reference`: see {@link Variant}. */
  variant?: Variant;
}

/** Rounds over all pairs of neighbors in a projection. */
const SWEEPS = 3;

/**
 * Spatial perturbations, S: every output pixel is read from a place that a flow
 * field moves by at most ε along x and along y, but never out of the image.
 * `smooth` also bounds how much the flow differs between neighboring pixels.
 *
 * Source: Xiao et al. 2018 (StAdv); the bound is that of Laidlaw & Feizi 2019.
 */
export class StAdv extends ThreatModel {
  /** Bound on each component of the flow, in units in which the image spans 2. */
  override readonly epsilon: number;
  /** Bound on the difference of the flow at neighboring pixels; Infinity: none. */
  readonly smooth: number;
  /** Which definition is followed. */
  readonly variant: Variant;

  constructor({
    epsilon = DEFAULT_EPSILON.S,
    smooth = Infinity,
    variant = 'paper',
  }: StAdvArgs = {}) {
    super();
    this.epsilon = checkEpsilon('StAdv (S)', epsilon, 2);
    this.smooth = checkSmooth('StAdv (S)', smooth);
    this.variant = variant;
  }

  get name(): string {
    const {epsilon, smooth} = this;
    const own = epsilon === DEFAULT_EPSILON.S ? null : formatEpsilon(epsilon);
    return termName('S', own, smooth);
  }

  override fullName(): string {
    return termName('S', formatEpsilon(this.epsilon), this.smooth);
  }

  zeros(images: tf.Tensor4D): tf.Tensor[] {
    checkChannelsLast(images.shape);
    return [tf.zeros([...images.shape.slice(0, 3), 2])];
  }

  override random(images: tf.Tensor4D, seeds: number[]): tf.Tensor[] {
    const {smooth, epsilon} = this;
    return tf.tidy(() => {
      if (smooth === Infinity) return this.project(super.random(images, seeds));
      const [height, width] = images.shape.slice(1);
      const spacing = noiseSpacing(epsilon, smooth, 2);
      const shape = [height, width, 2];
      return this.project([smoothNoisePerSeed(seeds, shape, epsilon, spacing)]);
    });
  }

  apply(
    images: tf.Tensor4D,
    [flow]: tf.Tensor[],
    constants: tf.Tensor[] | null,
  ): tf.Tensor4D {
    const coordinates =
      this.variant === 'reference' ? gridSampleCoordinates : exactCoordinates;
    return tf.tidy(() => {
      const warped = warp(
        images,
        flow as tf.Tensor4D,
        coordinates,
        constants === null,
      );
      // Weights that round to a sum just above 1 must not leave the range.
      return tf.clipByValue(warped, 0, 1);
    });
  }

  override project([flow]: tf.Tensor[]): tf.Tensor[] {
    const {epsilon, smooth} = this;
    return tf.tidy(() => {
      const bounded = stayInside(tf.clipByValue(flow, -epsilon, epsilon));
      if (smooth === Infinity) return [bounded];
      const clip = (field: tf.Tensor4D[]) =>
        components(
          stayInside(tf.clipByValue(stacked(field), -epsilon, epsilon)),
        );
      const field = components(bounded);
      const sweeps = SWEEPS;
      return [stacked(projectSmooth(field, {smooth, epsilon, clip, sweeps}))];
    });
  }

  override searchGradients(
    gradients: tf.Tensor[],
    step: number | number[],
  ): tf.Tensor[] {
    if (this.smooth === Infinity) return gradients;
    return tf.tidy(() => [
      stacked(alternating(components(gradients[0]), step)),
    ]);
  }

  override smoothness([flow]: tf.Tensor[]): tf.Tensor1D {
    return tf.tidy(() => smoothness(components(flow)));
  }

  override neighborDifferences([flow]: tf.Tensor[]): Record<
    string,
    tf.Tensor1D
  > {
    return {S: tf.tidy(() => largestDifference(components(flow)))};
  }

  override sizes([flow]: tf.Tensor[]): Record<string, tf.Tensor1D> {
    return {S: largestMagnitude([flow])};
  }

  override with({
    scale = 1,
    variant = this.variant,
  }: {
    scale?: number;
    variant?: Variant;
  }): StAdv {
    const {epsilon, smooth} = this;
    return new StAdv({
      epsilon: epsilon * scale,
      smooth: scaledSmooth(smooth, scale),
      variant,
    });
  }
}

/** A flow [N, H, W, 2] as its two components, each [N, H, W, 1]. */
function components(flow: tf.Tensor): tf.Tensor4D[] {
  const [n, height, width] = flow.shape;
  return tf
    .unstack(flow, -1)
    .map(t => tf.reshape(t, [n, height, width, 1] as const));
}

/** The inverse of {@link components}. */
function stacked(field: tf.Tensor4D[]): tf.Tensor {
  return tf.concat(field, -1);
}

/**
 * As in the released code, no pixel is read from outside the image, where all is
 * black: a black frame would be no spatial perturbation.
 */
function stayInside(flow: tf.Tensor): tf.Tensor {
  const [, height, width] = flow.shape;
  const column = samplingGrid(width, 1);
  const row = samplingGrid(height, 0);
  const [x, y] = tf.unstack(flow, -1);
  // As bounds on the flow, so that a flow inside them keeps its digits.
  const within = (flow: tf.Tensor, grid: tf.Tensor) =>
    tf.minimum(tf.maximum(flow, tf.sub(-1, grid)), tf.sub(1, grid));
  return tf.stack([within(x, column), within(y, row)], -1);
}

/** Channels that images have, where they come first. */
const USUAL_CHANNELS = [1, 3, 4];

/** A flow over channels and rows would say nothing about an attack in space. */
function checkChannelsLast(shape: [number, number, number, number]): void {
  const [, height, width, channels] = shape;
  if (!USUAL_CHANNELS.includes(height) || width <= 4 || channels <= 4) return;
  throw new Error(
    `StAdv (S) needs images of shape [N, H, W, C], but in [${shape}] the channels seem to come first: ` +
      'use tf.transpose(images, [0, 2, 3, 1]), and let the classifier be a function that transposes them back.',
  );
}
