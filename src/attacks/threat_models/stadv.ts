import * as tf from '@tensorflow/tfjs';
import {checkEpsilon, formatEpsilon} from './epsilon.js';
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
  /** `paper` (the default) or `reference`: see {@link Variant}. */
  variant?: Variant;
}

const DEFAULT_EPSILON = 0.05;

/**
 * Spatial perturbations, S: every output pixel is read from a place that a flow
 * field moves by at most ε along x and along y, but never out of the image.
 *
 * Source: Xiao et al. 2018 (StAdv); the bound is that of Laidlaw & Feizi 2019.
 */
export class StAdv extends ThreatModel {
  /** Bound on each component of the flow, in units in which the image spans 2. */
  override readonly epsilon: number;
  /** Which definition is followed. */
  readonly variant: Variant;

  constructor({epsilon = DEFAULT_EPSILON, variant = 'paper'}: StAdvArgs = {}) {
    super();
    this.epsilon = checkEpsilon('StAdv (S)', epsilon, 2);
    this.variant = variant;
  }

  get name(): string {
    return this.epsilon === DEFAULT_EPSILON
      ? 'S'
      : `S(${formatEpsilon(this.epsilon)})`;
  }

  zeros(images: tf.Tensor4D): tf.Tensor[] {
    return [tf.zeros([...images.shape.slice(0, 3), 2])];
  }

  override random(images: tf.Tensor4D, seeds: number[]): tf.Tensor[] {
    return tf.tidy(() => super.random(images, seeds).map(stayInside));
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
    return tf.tidy(() => {
      const bounded = tf.clipByValue(flow, -this.epsilon, this.epsilon);
      return [stayInside(bounded)];
    });
  }

  override smoothness([flow]: tf.Tensor[]): tf.Tensor1D {
    const [n, height, width] = flow.shape;
    return tf.tidy(() =>
      smoothness(
        tf.unstack(flow, -1).map(t => tf.reshape(t, [n, height, width, 1])),
      ),
    );
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
    return new StAdv({epsilon: this.epsilon * scale, variant});
  }
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
