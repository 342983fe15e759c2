import * as tf from '@tensorflow/tfjs';
import type {WarningCode} from '../../src/index.js';

type Logits = (images: tf.Tensor4D) => tf.Tensor;

/** A classifier that only looks robust, made of an honest one. */
export interface Mask {
  make(honest: Logits): Logits;
  /** One of these warnings says what is wrong. */
  codes: WarningCode[];
}

/** `forward` with another gradient: what comes back becomes `backward` of it. */
function withGradient(
  forward: (x: tf.Tensor) => tf.Tensor,
  backward: (dy: tf.Tensor) => tf.Tensor,
) {
  const f = tf.customGrad((x: tf.Tensor | tf.GradSaveFunc) => ({
    value: forward(x as tf.Tensor),
    gradFunc: (dy: tf.Tensor) => backward(dy),
  }));
  return (x: tf.Tensor) => f(x) as tf.Tensor4D;
}

const steps = (x: tf.Tensor, n: number, round = tf.round) =>
  tf.div(round(tf.mul(x, n)), n) as tf.Tensor4D;

const oneHot = (z: tf.Tensor) =>
  tf.cast(tf.oneHot(tf.argMax(z, 1), z.shape[1]!), 'float32');

/** Noise that is new at each call, and the same in each run of the tests. */
function noise() {
  let seed = 1;
  return (shape: number[], stddev: number) =>
    tf.randomNormal(shape, 0, stddev, 'float32', seed++);
}

/** Ways to hide the gradient, or to make success a matter of luck. */
export const MASKS: Record<string, Mask> = {
  'rounding to 8 levels before the model': {
    make: f => x => f(steps(x, 8)),
    codes: ['zero-gradients'],
  },
  'rounding to 8 bits before the model': {
    make: f => x => f(steps(x, 255)),
    codes: ['zero-gradients'],
  },
  'floor before the model': {
    make: f => x => f(steps(x, 16, tf.floor)),
    codes: ['zero-gradients'],
  },
  'rounding of the logits': {
    make: f => x => steps(f(x), 100),
    codes: ['zero-gradients'],
  },
  'floor of the logits': {
    make: f => x => tf.floor(f(x)),
    codes: ['zero-gradients', 'ties'],
  },
  'one-hot outputs': {
    make: f => x => oneHot(f(x)),
    codes: ['zero-gradients', 'saturated-outputs'],
  },
  'one-hot outputs, times 10': {
    make: f => x => tf.mul(oneHot(f(x)), 10),
    codes: ['zero-gradients'],
  },
  'constant outputs': {
    make: f => x => {
      const z = f(x);
      return tf.add(tf.mul(z, 0), tf.range(0, z.shape[1]!));
    },
    codes: ['constant-outputs'],
  },
  'equal outputs': {
    make: f => x => tf.mul(f(x), 0),
    codes: ['constant-outputs', 'ties'],
  },
  'logits times 1e9': {
    make: f => x => tf.mul(f(x), 1e9),
    codes: ['saturated-outputs', 'exploding-gradients'],
  },
  'logits times 1e3': {
    make: f => x => tf.mul(f(x), 1e3),
    codes: ['saturated-outputs'],
  },
  'logits times 1e-9': {
    make: f => x => tf.mul(f(x), 1e-9),
    codes: ['vanishing-gradients'],
  },
  '+ 0.002 sin(10000 x)': {
    make: f => x =>
      f(tf.add(x, tf.mul(tf.sin(tf.mul(x, 1e4)), 0.002)) as tf.Tensor4D),
    codes: ['misleading-gradients'],
  },
  'a fast oscillation of the logits': {
    make: f => x => {
      const z = f(x);
      return tf.add(z, tf.mul(tf.sin(tf.mul(z, 1e4)), 0.002));
    },
    codes: ['misleading-gradients'],
  },
  'a saturated softmax, whose logits nothing shows': {
    make: f => x => tf.sub(tf.mul(tf.softmax(tf.mul(f(x), 1e3)), 3), 1),
    codes: ['zero-gradients'],
  },
  'saturated sigmoids': {
    make: f => x => tf.sigmoid(tf.mul(f(x), 1e3)),
    codes: ['saturated-outputs', 'zero-gradients', 'ties'],
  },
  'clipped logits': {
    make: f => x => tf.clipByValue(f(x), -0.1, 0.1),
    codes: ['ties', 'zero-gradients'],
  },
  'steep units before the model': {
    make: f => x => f(tf.sigmoid(tf.mul(tf.sub(x, 0.5), 2000)) as tf.Tensor4D),
    codes: ['zero-gradients', 'misleading-gradients', 'larger-bound-survived'],
  },
  'noise before the model': {
    make: f => {
      const next = noise();
      return x => f(tf.add(x, next(x.shape, 0.1)));
    },
    codes: ['outputs-differ'],
  },
  'a little noise on the logits': {
    make: f => {
      const next = noise();
      return x => {
        const z = f(x);
        return tf.add(z, next(z.shape, 0.01));
      };
    },
    codes: ['outputs-differ'],
  },
  'dropout left on': {
    make: f => {
      let seed = 1;
      return x => f(tf.dropout(x, 0.2, undefined, seed++) as tf.Tensor4D);
    },
    codes: ['outputs-differ'],
  },
  'a gradient of the wrong sign': {
    make: f => x =>
      f(
        withGradient(
          t => tf.clone(t),
          dy => tf.neg(dy),
        )(x),
      ),
    codes: ['misleading-gradients'],
  },
  'a gradient of zeros': {
    make: f => x =>
      f(
        withGradient(
          t => tf.clone(t),
          dy => tf.zerosLike(dy),
        )(x),
      ),
    codes: ['zero-gradients'],
  },
  'a gradient of noise': {
    make: f => {
      const next = noise();
      return x =>
        f(
          withGradient(
            t => tf.clone(t),
            dy => next(dy.shape, 1),
          )(x),
        );
    },
    codes: ['misleading-gradients'],
  },
  'a gradient of NaN': {
    make: f => x =>
      f(
        withGradient(
          t => tf.clone(t),
          dy => tf.fill(dy.shape, NaN),
        )(x),
      ),
    codes: ['non-finite-gradients'],
  },
};
