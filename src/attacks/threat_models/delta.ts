import * as tf from '@tensorflow/tfjs';
import {ballAndBox} from './ball_and_box.js';
import {checkEpsilon, formatEpsilon} from './epsilon.js';
import {uniformPerSeed} from '../../ops/seeded_noise.js';
import {largestMagnitude, ThreatModel, type Variant} from './threat_model.js';

/** Options of {@link Delta}. */
export interface DeltaArgs {
  /**
   * Bound on the norm of the perturbation, for pixels in [0, 1]. Default 8/255
   * for `linf`; `l2` has no default.
   */
  epsilon?: number;
  /** `linf` (the default): the largest change of any channel of any pixel. `l2`: the Euclidean norm over the whole image. */
  norm?: 'linf' | 'l2';
  /** `paper` (the default) or `reference`: see {@link Variant}. */
  variant?: Variant;
}

const DEFAULT_EPSILON = 8 / 255;

/**
 * Additive perturbations, D: x + δ with ‖δ‖ ≤ ε, clipped to [0, 1].
 *
 * Source: Szegedy et al. 2014; Madry et al. 2018, section 2.1.
 */
export class Delta extends ThreatModel {
  /** Bound on the norm of δ, for pixels in [0, 1]. */
  override readonly epsilon: number;
  /** Which norm is bounded. */
  readonly norm: 'linf' | 'l2';
  /** Which definition is followed. */
  readonly variant: Variant;
  override readonly projectsByImages: boolean;

  constructor({epsilon, norm = 'linf', variant = 'paper'}: DeltaArgs = {}) {
    super();
    if (norm !== 'linf' && norm !== 'l2') {
      throw new Error(`Delta: norm must be 'linf' or 'l2', but is '${norm}'.`);
    }
    if (norm === 'l2' && epsilon === undefined) {
      throw new Error(
        `Delta: norm 'l2' needs an epsilon, for instance 0.5 for 32×32 images.`,
      );
    }
    this.norm = norm;
    this.variant = variant;
    this.projectsByImages = norm === 'l2' || variant === 'reference';
    this.epsilon = checkEpsilon(
      'Delta (D)',
      epsilon ?? DEFAULT_EPSILON,
      norm === 'l2' ? 1e4 : 1,
    );
  }

  get name(): string {
    if (this.norm === 'l2') return `D[l2](${formatEpsilon(this.epsilon)})`;
    return this.epsilon === DEFAULT_EPSILON
      ? 'D'
      : `D(${formatEpsilon(this.epsilon)})`;
  }

  override fullName(): string {
    const letter = this.norm === 'l2' ? 'D[l2]' : 'D';
    return `${letter}(${formatEpsilon(this.epsilon)})`;
  }

  zeros(images: tf.Tensor4D): tf.Tensor[] {
    return [tf.zeros(images.shape)];
  }

  override random(images: tf.Tensor4D, seeds: number[]): tf.Tensor[] {
    if (this.norm === 'linf') return super.random(images, seeds);
    return tf.tidy(() => {
      const noise = uniformPerSeed(seeds, images.shape.slice(1), 1);
      const norms = tf.reshape(euclidean(noise), [-1, 1, 1, 1]);
      return [tf.mul(tf.div(noise, norms), this.epsilon)];
    });
  }

  apply(images: tf.Tensor4D, [delta]: tf.Tensor[]): tf.Tensor4D {
    return tf.tidy(() =>
      this.norm === 'l2'
        ? addWithin(images, delta)
        : clipForward(tf.add(images, delta) as tf.Tensor4D),
    );
  }

  override project([delta]: tf.Tensor[], images: tf.Tensor4D): tf.Tensor[] {
    return tf.tidy(() => {
      // What leaves [0, 1] would take up a part of ε and change nothing.
      if (this.norm === 'l2' && this.variant === 'paper') {
        return [ballAndBox(delta, images, this.epsilon)];
      }
      const bounded = this.bound(delta);
      if (!this.projectsByImages) return [bounded];
      // The released code takes from δ itself what would leave [0, 1].
      const low = tf.neg(images);
      return [tf.minimum(tf.maximum(bounded, low), tf.sub(1, images))];
    });
  }

  private bound(delta: tf.Tensor): tf.Tensor {
    if (this.norm === 'linf') {
      return tf.clipByValue(delta, -this.epsilon, this.epsilon);
    }
    const norms = tf.maximum(euclidean(delta), 1e-12);
    const factor = tf.minimum(tf.div(this.epsilon, norms), 1);
    return tf.mul(delta, tf.reshape(factor, [-1, 1, 1, 1]));
  }

  override sizes([delta]: tf.Tensor[]): Record<string, tf.Tensor1D> {
    return {
      D:
        this.norm === 'l2'
          ? tf.tidy(() => euclidean(delta))
          : largestMagnitude([delta]),
    };
  }

  override norms(): Array<'linf' | 'l2'> {
    return [this.norm];
  }

  override with({
    scale = 1,
    variant = this.variant,
  }: {
    scale?: number;
    variant?: Variant;
  }): Delta {
    const {epsilon, norm} = this;
    return new Delta({epsilon: epsilon * scale, norm, variant});
  }
}

/**
 * Clips to [0, 1], the gradient being that of the identity: a channel that was
 * pushed out of the range would otherwise never be called back.
 */
function clipForward(images: tf.Tensor4D): tf.Tensor4D {
  return tf.customGrad(images => ({
    value: tf.clipByValue(images as tf.Tensor, 0, 1),
    gradFunc: dy => tf.clone(dy),
  }))(images) as tf.Tensor4D;
}

/**
 * x + δ, clipped to [0, 1], for an ℓ2 bound. Like {@link clipForward}, but δ has
 * no slope where it is at the border and a step against the gradient would lead
 * out: entries that cannot move must not take up the length of a step.
 */
function addWithin(images: tf.Tensor4D, delta: tf.Tensor): tf.Tensor4D {
  return tf.customGrad((images, delta, save) => {
    const sum = tf.add(images as tf.Tensor, delta as tf.Tensor);
    (save as tf.GradSaveFunc)([sum]);
    return {
      value: tf.clipByValue(sum, 0, 1),
      gradFunc: (dy, saved) => {
        const [sum] = saved as tf.Tensor[];
        const stuck = tf.logicalOr(
          tf.logicalAnd(tf.lessEqual(sum, 0), tf.greater(dy, 0)),
          tf.logicalAnd(tf.greaterEqual(sum, 1), tf.less(dy, 0)),
        );
        return [tf.clone(dy), tf.where(stuck, tf.zerosLike(dy), dy)];
      },
    };
  })(images, delta) as tf.Tensor4D;
}

function euclidean(delta: tf.Tensor): tf.Tensor1D {
  return tf.sqrt(tf.sum(tf.square(delta), [1, 2, 3])) as tf.Tensor1D;
}
