import * as tf from '@tensorflow/tfjs';
import type {ThreatModel} from '../../src/index.js';

/**
 * One shift of brightness for each image: x + b with |b| ≤ ε, clipped to [0, 1].
 */
export class Brightness implements ThreatModel {
  /** @param epsilon Bound on the shift, for pixels in [0, 1]. */
  constructor(readonly epsilon = 0.1) {}

  get name(): string {
    return `Brightness(${this.epsilon})`;
  }

  prepare(): tf.Tensor[] {
    return [];
  }

  zeros(images: tf.Tensor4D): tf.Tensor[] {
    return [tf.zeros([images.shape[0], 1, 1, 1])];
  }

  random(_: tf.Tensor4D, seeds: number[]): tf.Tensor[] {
    const {epsilon} = this;
    const draw = (seed: number) =>
      tf.randomUniform([1, 1, 1], -epsilon, epsilon, 'float32', String(seed));
    return [tf.tidy(() => tf.stack(seeds.map(draw)))];
  }

  apply(images: tf.Tensor4D, [shift]: tf.Tensor[]): tf.Tensor4D {
    return tf.tidy(() =>
      tf.clipByValue(tf.add<tf.Tensor4D>(images, shift), 0, 1),
    );
  }

  project([shift]: tf.Tensor[]): tf.Tensor[] {
    return [tf.clipByValue(shift, -this.epsilon, this.epsilon)];
  }

  smoothness(): null {
    return null;
  }

  sizes([shift]: tf.Tensor[]): Record<string, tf.Tensor1D> {
    return {Brightness: tf.tidy(() => tf.reshape(tf.abs(shift), [-1]))};
  }

  bounds(): number[] {
    return [this.epsilon];
  }

  with({scale = 1}: {scale?: number}): Brightness {
    return new Brightness(this.epsilon * scale);
  }
}
