import * as tf from '@tensorflow/tfjs';

/** Images [N, H, W, C] in [0, 1] → logits [N, classes]. */
export type LogitsFunction = (images: tf.Tensor4D) => tf.Tensor;

/**
 * What can be attacked: a layers model (sequential or functional) or a graph
 * model, ending in a softmax or in logits, or a function to logits.
 */
export type Classifier = tf.LayersModel | tf.GraphModel | LogitsFunction;

interface Forward {
  (x: tf.Tensor, kwargs: {training: boolean}): tf.Tensor;
  /** Whether the model puts its logits through a softmax. */
  softmax: boolean;
}

/** A layer whose activation can be looked at and swapped. */
interface ActivatedLayer extends tf.layers.Layer {
  activation?: {getClassName(): string; apply(x: tf.Tensor): tf.Tensor};
}

const LINEAR = {
  apply: (x: tf.Tensor) => x,
  getClassName: () => 'linear',
  getConfig: () => ({}),
};

/** Found ways by model, for as long as the model has the same output: layers may be added. */
const cache = new WeakMap<
  tf.LayersModel,
  {output: tf.SymbolicTensor; forward: Forward}
>();

/**
 * The exact logits of a classifier, [N, classes]: what goes into its softmax,
 * not the logarithm of what comes out, which saturates.
 *
 * @param training Whether dropout and batch normalization act as in training
 *     (layers models only). Attacks are crafted with `false`.
 */
export function logits(
  classifier: Classifier,
  images: tf.Tensor4D,
  {training = false}: {training?: boolean} = {},
): tf.Tensor2D {
  const output = forward(classifier, images, training);
  const n = images.shape[0];
  if (output.shape[0] !== n || output.size % n !== 0) {
    throw new Error(
      `The classifier must give one row of logits for each of ${n} images, but gave the shape [${output.shape}].`,
    );
  }
  const classes = output.size / n;
  if (classes < 2) {
    throw new Error(
      `The classifier must give at least 2 logits per image, but gave the shape [${output.shape}]. ` +
        'A model with one sigmoid unit can be wrapped in a function that returns [0, z] for its logit z.',
    );
  }
  return output.rank === 2
    ? (output as tf.Tensor2D)
    : (tf.reshape(output, [n, classes]) as tf.Tensor2D);
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
    return classifier.execute(images, graphLogits(classifier)) as tf.Tensor;
  }
  return layersLogits(classifier)(images, {training});
}

/** The node of a graph model that holds the logits: its output, or what goes into its softmax. */
function graphLogits(model: tf.GraphModel): string {
  type Node = {name: string; op: string; inputNames: string[]};
  const {graph} = (
    model as unknown as {
      executor: {graph: {outputs: Node[]; nodes: Record<string, Node>}};
    }
  ).executor;
  let node = graph.outputs[0];
  while (node.op === 'Identity' && node.inputNames.length) {
    const [name] = node.inputNames[0].split(':');
    if (!graph.nodes[name]) break;
    node = graph.nodes[name];
  }
  return node.op === 'Softmax'
    ? node.inputNames[0].split(':')[0]
    : graph.outputs[0].name;
}

/** @throws Error if this is no classifier, or has several inputs or outputs. */
function checkClassifier(classifier: Classifier): void {
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

/**
 * How many classes the classifier tells apart in such images.
 *
 * @throws Error if it is no classifier.
 */
export function countClasses(
  classifier: Classifier,
  images: tf.Tensor4D,
): number {
  checkClassifier(classifier);
  return tf.tidy(() => {
    const first = tf.slice(images, [0, 0, 0, 0], [1, -1, -1, -1]);
    return logits(classifier, first).shape[1];
  });
}

/** @throws Error if the model has several inputs or outputs. */
export function checkLayersModel(model: tf.LayersModel): void {
  if (model.inputs.length !== 1 || model.outputs.length !== 1) {
    throw new Error(
      `The model must have one input (images) and one output (classes), but it has ${model.inputs.length} and ${model.outputs.length}. ` +
        'Build a model of the part that classifies with tf.model({inputs, outputs}).',
    );
  }
  const rank = model.inputs[0].shape.length;
  if (rank !== 4) {
    throw new Error(
      `The model's input must be images [N, H, W, C], but its shape is [${model.inputs[0].shape}].`,
    );
  }
}

function layersLogits(model: tf.LayersModel): Forward {
  const [output] = model.outputs;
  const known = cache.get(model);
  if (known?.output === output) return known.forward;
  const forward = findLogits(model);
  cache.set(model, {output, forward});
  return forward;
}

/** What the model itself gives for these logits of it, in its own shape. */
export function outputOfLogits(
  model: tf.LayersModel,
  logits: tf.Tensor2D,
): tf.Tensor {
  const output = layersLogits(model).softmax ? tf.softmax(logits) : logits;
  const shape = model.outputs[0].shape.slice(1) as number[];
  return tf.reshape(output, [logits.shape[0], ...shape]);
}

/** Cuts a model before its softmax; layers are shared with the model, so weights stay up to date. */
function findLogits(model: tf.LayersModel): Forward {
  const output = model.outputs[0];
  const layer = output.sourceLayer as ActivatedLayer;
  const before = () => upTo(model, output.inputs);
  if (layer instanceof tf.LayersModel) {
    const inner = findLogits(layer);
    const first = output.inputs.every(input => model.inputs.includes(input));
    return first ? inner : compose(before(), inner);
  }
  const activation = layer.activation?.getClassName();
  const className = layer.getClassName();
  if (
    className === 'Softmax' ||
    (className === 'Activation' && activation === 'softmax')
  ) {
    return withSoftmax(true, before());
  }
  if (activation === 'softmax') {
    const linear: Apply = (x, kwargs) => {
      const softmax = layer.activation;
      layer.activation = LINEAR;
      try {
        return layer.apply(x, kwargs) as tf.Tensor;
      } finally {
        layer.activation = softmax;
      }
    };
    return compose(before(), withSoftmax(true, linear));
  }
  return withSoftmax(false, (x, kwargs) => model.apply(x, kwargs) as tf.Tensor);
}

type Apply = (x: tf.Tensor, kwargs: {training: boolean}) => tf.Tensor;

function withSoftmax(softmax: boolean, apply: Apply): Forward {
  return Object.assign(
    (x: tf.Tensor, kwargs: {training: boolean}) => apply(x, kwargs),
    {softmax},
  );
}

function compose(first: Apply, then: Forward): Forward {
  return withSoftmax(then.softmax, (x, kwargs) =>
    then(first(x, kwargs), kwargs),
  );
}

function upTo(model: tf.LayersModel, outputs: tf.SymbolicTensor[]): Apply {
  if (outputs.length === 1 && outputs[0] === model.inputs[0]) return x => x;
  // Never disposed: that would dispose layers that the model still uses.
  const part = tf.model({inputs: model.inputs, outputs});
  return (x, kwargs) => part.apply(x, kwargs) as tf.Tensor;
}
