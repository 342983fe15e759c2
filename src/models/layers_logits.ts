import * as tf from '@tensorflow/tfjs';
import {
  activationName,
  hasTfjsActivation,
  LINEAR_FORMS,
  withLinear,
} from '../tfjs/layer_activation.js';
import {MERGES, TRANSPARENT} from './monotone_layers.js';

interface Kwargs {
  training: boolean;
}

/**
 * Logits found inside a model: what to compute of it, and how to go on from
 * there.
 */
interface Found {
  /** Of the model: what {@link compute} starts from. */
  tensors: tf.SymbolicTensor[];
  /** The logits, in the layer's own shape. */
  compute(values: tf.Tensor[], kwargs: Kwargs): tf.Tensor;
  /** The logarithm of what the layer gives, from its logits; none if that may be negative. */
  logOf?(logits: tf.Tensor): tf.Tensor;
  /** The model's own output, from its logits. */
  restore(logits: tf.Tensor, kwargs: Kwargs): tf.Tensor;
}

/** The logits of a layers model, and its output from them. */
export interface LayersLogits {
  forward(x: tf.Tensor, kwargs: Kwargs): tf.Tensor;
  restore(logits: tf.Tensor, kwargs: Kwargs): tf.Tensor;
  /** Whether an activation was found, so that these are certainly logits. */
  found: boolean;
}

/**
 * Finds the logits of a model by its layers: what goes into the softmax or the
 * sigmoid at its end, behind layers that keep the order of classes, in nested
 * models too; and the logarithm of an average or product of several of those.
 * Layers are shared with the model, so weights stay up to date.
 *
 * @param sample An image, on which a custom layer's activation is tried out.
 */
export function findLogits(
  model: tf.LayersModel,
  sample: tf.Tensor4D,
): LayersLogits {
  const found = findIn(model, model.outputs[0], sample);
  if (!found) {
    return {
      forward: (x, kwargs) => model.apply(x, kwargs) as tf.Tensor,
      restore: logits => logits,
      found: false,
    };
  }
  const before = upTo(model, found.tensors);
  return {
    forward: (x, kwargs) => found.compute(before(x, kwargs), kwargs),
    restore: found.restore,
    found: true,
  };
}

function findIn(
  model: tf.LayersModel,
  tensor: tf.SymbolicTensor,
  sample: tf.Tensor4D,
): Found | null {
  const layer = tensor.sourceLayer;
  if (!layer || tensor.inputs.length === 0) return null;
  if (layer instanceof tf.LayersModel)
    return findNested(tensor, layer, model, sample);
  const className = layer.getClassName();
  if (TRANSPARENT[className]?.(layer, tensor)) {
    const inner = findIn(model, tensor.inputs[0], sample);
    return inner && after(inner, layer);
  }
  if (MERGES[className]) {
    const parts = tensor.inputs.map(input => findIn(model, input, sample));
    return parts.every(part => part?.logOf)
      ? merged(MERGES[className], parts as Array<Required<Found>>)
      : null;
  }
  return findActivation(model, tensor, sample);
}

function findNested(
  tensor: tf.SymbolicTensor,
  nested: tf.LayersModel,
  model: tf.LayersModel,
  sample: tf.Tensor4D,
): Found | null {
  if (nested.inputs.length !== 1 || nested.outputs.length !== 1) return null;
  // What comes before it gives it the image of its own that it is tried out on.
  const own = tf.tidy(
    () => upTo(model, tensor.inputs)(sample, {training: false})[0],
  ) as tf.Tensor4D;
  try {
    const found = findIn(nested, nested.outputs[0], own);
    if (!found) return null;
    const before = upTo(nested, found.tensors);
    return {
      ...found,
      tensors: tensor.inputs,
      compute: ([x], kwargs) => found.compute(before(x, kwargs), kwargs),
    };
  } finally {
    if (own !== sample) own.dispose();
  }
}

/** The activation of the layer itself: a layer that is one, or one that has one. */
function findActivation(
  model: tf.LayersModel,
  tensor: tf.SymbolicTensor,
  sample: tf.Tensor4D,
): Found | null {
  const layer = tensor.sourceLayer;
  const className = layer.getClassName();
  const name = className === 'Softmax' ? 'softmax' : activationName(layer);
  const axis = (layer as {axis?: unknown}).axis;
  if (className === 'Softmax' && !isWholeRow(tensor, axis)) return null;
  if (
    className !== 'Softmax' &&
    name === 'softmax' &&
    !isWholeRow(tensor, -1)
  ) {
    return null;
  }
  if (className === 'Softmax' || className === 'Activation') {
    const kind = KINDS[name!];
    if (!kind) return null;
    const inner = findIn(model, tensor.inputs[0], sample);
    return inner
      ? activatedAgain(inner, kind)
      : leaf(tensor, kind, ([x]) => tf.clone(x));
  }
  const apply = (form: number) => (values: tf.Tensor[], kwargs: Kwargs) =>
    withLinear(
      layer,
      () =>
        layer.apply(
          values.length === 1 ? values[0] : values,
          kwargs,
        ) as tf.Tensor,
      form,
    );
  if (hasTfjsActivation(layer)) {
    return KINDS[name!] ? leaf(tensor, KINDS[name!], apply(0)) : null;
  }
  // A custom layer keeps its activation as a name or a function.
  const kinds =
    name === 'function' ? [KINDS.softmax, KINDS.sigmoid] : [KINDS[name ?? '']];
  for (const kind of kinds.filter(kind => kind)) {
    for (let form = 0; form < LINEAR_FORMS; form++) {
      const found = leaf(tensor, kind, apply(form));
      if (gives(model, tensor, found, sample)) return found;
    }
  }
  return null;
}

interface Kind {
  activate(logits: tf.Tensor): tf.Tensor;
  log?(logits: tf.Tensor): tf.Tensor;
}

/** Softmax goes over the only axis that is longer than 1, whichever that is. */
const KINDS: Record<string, Kind> = {
  softmax: {
    activate: z => tf.reshape(tf.softmax(inRows(z)), z.shape),
    log: z => tf.reshape(tf.logSoftmax(inRows(z)), z.shape),
  },
  sigmoid: {activate: z => tf.sigmoid(z), log: z => tf.logSigmoid(z)},
  // As hinge losses want it; exactly ±1 beyond ±9.
  tanh: {activate: z => tf.tanh(z)},
};

function leaf(
  tensor: tf.SymbolicTensor,
  kind: Kind,
  compute: Found['compute'],
): Found {
  const shape = tensor.shape.slice(1).map(size => size ?? 1);
  return {
    tensors: tensor.inputs,
    compute,
    logOf: kind.log,
    restore: z => kind.activate(tf.reshape(z, [z.shape[0], ...shape])),
  };
}

/** The same logits, behind which another layer follows. */
function after(inner: Found, layer: tf.layers.Layer): Found {
  const {logOf, ...rest} = inner;
  return {
    ...rest,
    // A multiple has another weight among several that are merged.
    ...(layer.getClassName() !== 'Rescaling' && {logOf}),
    restore: (z, kwargs) =>
      layer.apply(inner.restore(z, kwargs), kwargs) as tf.Tensor,
  };
}

/** A softmax of a softmax, which keeps the order too: the inner one's logits. */
function activatedAgain(inner: Found, kind: Kind): Found {
  return {
    ...inner,
    ...(kind.log && {
      logOf: (z: tf.Tensor) => kind.log!(inner.restore(z, {training: false})),
    }),
    restore: (z, kwargs) => kind.activate(inner.restore(z, kwargs)),
  };
}

/** The logarithm of what several classifiers give together. */
function merged(
  merge: (logs: tf.Tensor[]) => tf.Tensor,
  parts: Array<Required<Found>>,
): Found {
  return {
    tensors: parts.flatMap(part => part.tensors),
    compute: (values, kwargs) => {
      let at = 0;
      const logs = parts.map(part => {
        const own = values.slice(at, (at += part.tensors.length));
        return inRows(part.logOf(part.compute(own, kwargs)));
      });
      return merge(logs);
    },
    logOf: z => z,
    restore: z => tf.exp(z),
  };
}

/** Whether logits found by trial are right: the activation of them is what the layer gives. */
function gives(
  model: tf.LayersModel,
  tensor: tf.SymbolicTensor,
  found: Found,
  sample: tf.Tensor4D,
): boolean {
  try {
    return tf.tidy(() => {
      const kwargs = {training: false};
      const values = upTo(model, found.tensors)(sample, kwargs);
      const layer = tensor.sourceLayer;
      const own = layer.apply(
        values.length === 1 ? values[0] : values,
        kwargs,
      ) as tf.Tensor;
      const again = found.restore(found.compute(values, kwargs), kwargs);
      const apart = tf.max(tf.abs(tf.sub(own, again))).dataSync()[0];
      return apart < 1e-4;
    });
  } catch {
    // Another form of the identity than this layer can call.
    return false;
  }
}

/** Whether an activation over `axis` goes over all that an image has; sizes that are not declared may be 1. */
function isWholeRow(tensor: tf.SymbolicTensor, axis: unknown): boolean {
  const axes = (Array.isArray(axis) ? axis : [axis]) as number[];
  const rank = tensor.shape.length;
  return tensor.shape.every(
    (size, i) =>
      i === 0 || !size || size === 1 || axes.some(a => (a + rank) % rank === i),
  );
}

function inRows(t: tf.Tensor): tf.Tensor2D {
  return tf.reshape(t, [t.shape[0], -1]);
}

/** The values of some of a model's tensors. */
function upTo(
  model: tf.LayersModel,
  tensors: tf.SymbolicTensor[],
): (x: tf.Tensor, kwargs: Kwargs) => tf.Tensor[] {
  const inner = [...new Set(tensors.filter(t => !model.inputs.includes(t)))];
  // Never disposed: that would dispose layers that the model still uses.
  const part =
    inner.length === 0
      ? null
      : tf.model({inputs: model.inputs, outputs: inner});
  return (x, kwargs) => {
    const applied = part ? part.apply(x, kwargs) : [];
    const values = Array.isArray(applied) ? applied : [applied];
    return tensors.map(t =>
      model.inputs.includes(t) ? x : (values as tf.Tensor[])[inner.indexOf(t)],
    );
  };
}
