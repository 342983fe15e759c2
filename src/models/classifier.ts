import * as tf from '@tensorflow/tfjs';

/** Images [N, H, W, C] in [0, 1] → logits [N, classes]. */
export type LogitsFunction = (images: tf.Tensor4D) => tf.Tensor;

/**
 * What can be attacked: a layers model (sequential or functional) or a graph
 * model, ending in a softmax or in logits, or a function to logits.
 */
export type Classifier = tf.LayersModel | tf.GraphModel | LogitsFunction;

/** @throws Error if this is no classifier, or has several inputs or outputs. */
export function checkClassifier(classifier: Classifier): void {
  if (typeof classifier === 'function') return;
  if (classifier instanceof tf.LayersModel) {
    checkLayersModel(classifier);
  } else if (classifier instanceof tf.GraphModel) {
    const {inputs, outputs} = classifier;
    if (inputs.length !== 1 || outputs.length !== 1) {
      throw new Error(
        `The graph model must have one input (images) and one output (classes), but it has ${inputs.length} and ${outputs.length}. ` +
          'Pass a function from images to logits that calls its execute().',
      );
    }
  } else {
    throw new Error(
      'The classifier must be a tf.LayersModel, a tf.GraphModel (both of the same copy of @tensorflow/tfjs as tfjs-adversarial uses) or a function from images to logits.',
    );
  }
}

/** @throws Error if the model has several inputs or outputs, or keeps a state. */
export function checkLayersModel(model: tf.LayersModel): void {
  if (model.inputs.length !== 1 || model.outputs.length !== 1) {
    throw new Error(
      `The model must have one input (images) and one output (classes), but it has ${model.inputs.length} and ${model.outputs.length}. ` +
        'Build a model of the part that classifies with tf.model({inputs, outputs}).',
    );
  }
  const stateful = model.layers.find(layer => layer.stateful);
  if (stateful) {
    throw new Error(
      `The layer '${stateful.name}' keeps its state from batch to batch, so an image's logits depend on the images before it: build the model with stateful: false.`,
    );
  }
  const rank = model.inputs[0].shape.length;
  if (rank !== 4) {
    throw new Error(
      `The model's input must be images [N, H, W, C], but its shape is [${model.inputs[0].shape}].`,
    );
  }
}

/**
 * Compares images with the input that a model declares.
 *
 * @throws Error naming both shapes, if they differ.
 */
export function checkInputShape(
  classifier: Classifier,
  shape: readonly number[],
): void {
  if (typeof classifier === 'function') return;
  const declared = classifier.inputs[0].shape;
  if (!declared || declared.length !== 4) return;
  // Null in layers models, −1 in graph models: any size.
  const fits = declared.every(
    (size, axis) =>
      axis === 0 || size === null || size < 0 || size === shape[axis],
  );
  if (fits) return;
  const wanted = ['N', ...declared.slice(1).map(s => (s! > 0 ? s : 'any'))];
  throw new Error(
    `The model takes images of the shape [${wanted.join(', ')}], but these have [${shape.join(', ')}].`,
  );
}

/** How many classes a layers model's output has, as far as its shape tells. */
export function declaredClasses(classifier: Classifier): number | undefined {
  if (!(classifier instanceof tf.LayersModel)) return undefined;
  const [, ...sizes] = classifier.outputs[0].shape;
  if (sizes.length === 0 || sizes.some(size => size === null)) return undefined;
  return oneRowOfLogits([1, ...(sizes as number[])], 1);
}

/**
 * The number of classes in an output, which may have axes of size 1.
 *
 * @throws Error if it is not one row of at least 2 logits for each image.
 */
export function oneRowOfLogits(shape: readonly number[], n: number): number {
  const long = shape.slice(1).filter(size => size !== 1);
  if (shape[0] !== n || long.length > 1) {
    throw new Error(
      `The classifier must give one row of logits for each of ${n} images, but gave the shape [${shape}].`,
    );
  }
  const classes = shape.slice(1).reduce((a, b) => a * b, 1);
  if (classes < 2) {
    throw new Error(
      `The classifier must give at least 2 logits per image, but gave the shape [${shape}]. ` +
        'A model with one sigmoid unit can be wrapped in a function that returns [0, z] for its logit z.',
    );
  }
  return classes;
}
