import * as tf from '@tensorflow/tfjs';
import {ThreatModel} from '../../src/index.js';

/** One brightness shift for each image: x + b with |b| ≤ ε, clipped to [0, 1]. */
export class Brightness extends ThreatModel {
  constructor(override readonly epsilon = 0.1) {
    super();
  }

  get name() {
    return `Brightness(${this.epsilon})`;
  }

  zeros(images: tf.Tensor4D) {
    return [tf.zeros([images.shape[0], 1, 1, 1])];
  }

  apply(images: tf.Tensor4D, [shift]: tf.Tensor[]): tf.Tensor4D {
    return tf.tidy(() =>
      tf.clipByValue(tf.add<tf.Tensor4D>(images, shift), 0, 1),
    );
  }
}
