import type * as tf from '@tensorflow/tfjs';

/** The field in which tfjs's layers, and most custom ones, keep their activation. */
interface ActivatedLayer extends tf.layers.Layer {
  activation?: unknown;
}

/** What tfjs's own layers have there. */
interface Activation {
  getClassName(): string;
  apply(x: tf.Tensor): tf.Tensor;
}

/** The identity in each form in which a layer may keep an activation. */
const LINEAR: Activation & {getConfig(): object} = {
  apply: x => x,
  getClassName: () => 'linear',
  getConfig: () => ({}),
};
const FORMS: unknown[] = [LINEAR, (x: tf.Tensor) => x, 'linear', null];

/**
 * The name of a layer's own activation: `softmax`, `linear`, …; `function` for a
 * function, which may be anything; undefined where there is none.
 */
export function activationName(layer: tf.layers.Layer): string | undefined {
  const {activation} = layer as ActivatedLayer;
  if (typeof activation === 'string') return activation;
  if (typeof activation === 'function') return 'function';
  const {getClassName} = (activation ?? {}) as Partial<Activation>;
  return getClassName?.call(activation);
}

/** Whether the activation is one of tfjs's own, which {@link withLinear} always replaces correctly. */
export function hasTfjsActivation(layer: tf.layers.Layer): boolean {
  const {activation} = layer as ActivatedLayer;
  const {getClassName, apply} = (activation ?? {}) as Partial<Activation>;
  return typeof getClassName === 'function' && typeof apply === 'function';
}

/**
 * Runs `f` while the layer's activation is the identity; `f` must be
 * synchronous.
 *
 * @param form Which form of the identity, from 0 to {@link LINEAR_FORMS} − 1:
 *     0 is that of tfjs's own layers; a custom layer may want another.
 */
export function withLinear<T>(layer: tf.layers.Layer, f: () => T, form = 0): T {
  const activated = layer as ActivatedLayer;
  const {activation} = activated;
  activated.activation = FORMS[form];
  try {
    return f();
  } finally {
    activated.activation = activation;
  }
}

/** How many forms {@link withLinear} has. */
export const LINEAR_FORMS = FORMS.length;
