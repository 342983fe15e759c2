import * as tf from '@tensorflow/tfjs';

/** Factors that differences are shown with, from the largest. */
const FACTORS = [50, 20, 10, 5, 2, 1, 0.5];

/**
 * The largest of 50, 20, 10, 5, 2, 1 and 1/2 by which differences of images can be
 * multiplied and none leaves [−1/2, 1/2], so that none is cut off when it is shown
 * around gray.
 *
 * @param largest the largest magnitude of a difference, from 0 to 1.
 */
export function magnification(largest: number): number {
  return FACTORS.find(factor => factor * largest <= 0.5) ?? 0.5;
}

/** `1/2 + magnify × (adversarial − clean)`, clipped to [0, 1]: gray where nothing has changed. */
export function differenceImages(
  clean: tf.Tensor4D,
  adversarial: tf.Tensor4D,
  magnify: number,
): tf.Tensor4D {
  return tf.tidy(() => {
    const difference = tf.sub(adversarial, clean);
    return tf.clipByValue(tf.add(tf.mul(difference, magnify), 0.5), 0, 1);
  }) as tf.Tensor4D;
}

/** The largest magnitude of a difference: a scalar. */
export function largestDifference(
  clean: tf.Tensor4D,
  adversarial: tf.Tensor4D,
): tf.Scalar {
  return tf.tidy(() => tf.max(tf.abs(tf.sub(adversarial, clean)))) as tf.Scalar;
}

/** @throws Error unless both are images [N, H, W, C] of the same shape, at least one. */
export function checkPair(clean: tf.Tensor4D, adversarial: tf.Tensor4D): void {
  for (const images of [clean, adversarial]) {
    if (
      !(images instanceof tf.Tensor) ||
      images.rank !== 4 ||
      images.size === 0
    ) {
      throw new Error(
        `A picture shows images of shape [N, height, width, channels], not ${images instanceof tf.Tensor ? `[${images.shape}]` : String(images)}.`,
      );
    }
  }
  if (!tf.util.arraysEqual(clean.shape, adversarial.shape)) {
    throw new Error(
      `Clean and adversarial images must have the same shape, but these have [${clean.shape}] and [${adversarial.shape}].`,
    );
  }
}

/** @throws Error unless each is undefined or a whole number from 1. */
export function checkWhole(options: Record<string, number | undefined>): void {
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && (!Number.isInteger(value) || value < 1)) {
      throw new Error(
        `${name} of a picture must be a whole number from 1, not ${value}.`,
      );
    }
  }
}
