import * as tf from '@tensorflow/tfjs';
import {
  checkClassifier,
  checkInputShape,
  checkLayersModel,
  type Classifier,
  declaredClasses,
  type LogitsFunction,
  oneRowOfLogits,
} from './classifier.js';
import {graphLogits} from './graph_logits.js';
import {findLogits, type LayersLogits} from './layers_logits.js';

export {checkLayersModel, type Classifier, type LogitsFunction};

/** Logits found, by model, for as long as the model has the same output: layers may be added. */
const cache = new WeakMap<
  tf.LayersModel,
  {output: tf.SymbolicTensor; logits: LayersLogits}
>();

/**
 * The exact logits of a classifier, [N, classes]: what goes into its softmax,
 * not the logarithm of what comes out, which saturates. Of a model that averages
 * or multiplies softmaxes they are the logarithm of that, computed without
 * saturation; of sigmoid units, what goes into those.
 *
 * @param training Whether dropout and batch normalization act as in training
 *     (layers models only). Attacks are crafted with `false`.
 */
export function logits(
  classifier: Classifier,
  images: tf.Tensor4D,
  {training = false}: {training?: boolean} = {},
): tf.Tensor2D {
  const given = forward(classifier, images, training);
  const classes = oneRowOfLogits(given.shape, images.shape[0]);
  // A gradient can begin at floats only; rounded and one-hot logits are integers.
  const output = given.dtype === 'float32' ? given : tf.cast(given, 'float32');
  return output.rank === 2
    ? (output as tf.Tensor2D)
    : (tf.reshape(output, [images.shape[0], classes]) as tf.Tensor2D);
}

function forward(
  classifier: Classifier,
  images: tf.Tensor4D,
  training: boolean,
): tf.Tensor {
  if (typeof classifier === 'function') {
    const output = classifier(images);
    if (!(output instanceof tf.Tensor)) {
      throw new Error(
        'A classifier given as a function must return a tensor of logits, synchronously.',
      );
    }
    return output;
  }
  if (classifier instanceof tf.GraphModel) {
    return classifier.execute(
      images,
      graphLogits(classifier).node,
    ) as tf.Tensor;
  }
  return layersLogits(classifier, images).forward(images, {training});
}

/**
 * How many classes the classifier tells apart in such images.
 *
 * @throws Error if it is no classifier, or takes images of another shape.
 */
export function countClasses(
  classifier: Classifier,
  images: tf.Tensor4D,
): number {
  checkClassifier(classifier);
  checkInputShape(classifier, images.shape);
  return (
    declaredClasses(classifier) ??
    tf.tidy(() => {
      const first = tf.slice(images, [0, 0, 0, 0], [1, -1, -1, -1]);
      return logits(classifier, first).shape[1];
    })
  );
}

/** Whether the classifier's structure shows that its {@link logits} are logits, and no probabilities. */
export function hasKnownLogits(
  classifier: Classifier,
  images: tf.Tensor4D,
): boolean {
  if (typeof classifier === 'function') return false;
  return classifier instanceof tf.GraphModel
    ? graphLogits(classifier).found
    : layersLogits(classifier, images).found;
}

function layersLogits(
  model: tf.LayersModel,
  images: tf.Tensor4D,
): LayersLogits {
  const [output] = model.outputs;
  const known = cache.get(model);
  if (known?.output === output) return known.logits;
  const logits = tf.tidy(
    () =>
      findLogits(
        model,
        tf.slice(images, [0, 0, 0, 0], [1, -1, -1, -1]),
      ) as unknown as tf.TensorContainerObject,
  ) as unknown as LayersLogits;
  cache.set(model, {output, logits});
  return logits;
}

/** What the model itself gives, in training mode, for these logits of it, in its own shape. */
export function outputOfLogits(
  model: tf.LayersModel,
  logits: tf.Tensor2D,
): tf.Tensor {
  const shape = model.outputs[0].shape.slice(1).map(size => size ?? 1);
  const found = cache.get(model);
  const output =
    found?.output === model.outputs[0]
      ? found.logits.restore(logits, {training: true})
      : logits;
  return tf.reshape(output, [logits.shape[0], ...shape]);
}
