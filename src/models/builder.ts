import * as tf from '@tensorflow/tfjs';
import {NormalizationLayer, type Normalization} from './layers.js';

/** What every image classifier here can be told. */
export interface ClassifierOptions {
  /** Number of classes. Default 10. */
  classes?: number;
  /** `[height, width, channels]`. Default `[32, 32, 3]`. */
  inputShape?: [number, number, number];
  /** The first thing that happens to the images; null for nothing. */
  normalization?: Normalization | null;
  /**
   * `'softmax'` (default): probabilities, to be compiled with
   * `categoricalCrossentropy`; attacks read the exact logits before it.
   * `'logits'`: those themselves.
   */
  output?: 'softmax' | 'logits';
  /**
   * λ of an L2 penalty λ/2 · ‖w‖² on convolution and dense kernels, in the
   * loss; the gradient is that of PyTorch's `weight_decay` λ. Default 0.
   */
  weightDecay?: number;
  /** Makes the initial weights reproducible. */
  seed?: number;
  /** False leaves all kernels zero, for weights that come from a file. */
  initialize?: boolean;
}

/**
 * Mean and standard deviation of ImageNet's channels, which many CIFAR-10 networks are
 * trained with too, those of the ReColorAdv paper among them.
 */
export const IMAGENET_NORMALIZATION: Normalization = {
  mean: [0.485, 0.456, 0.406],
  stddev: [0.229, 0.224, 0.225],
};

/** The parts that our convolutional networks are put together from. */
export class Builder {
  private readonly image: tf.SymbolicTensor;
  private readonly classes: number;
  private kernels = 0;

  constructor(
    private readonly name: string,
    private readonly options: ClassifierOptions,
  ) {
    const {classes = 10, inputShape = [32, 32, 3]} = options;
    this.classes = classes;
    check({...options, classes, inputShape});
    this.image = tf.input({shape: inputShape, name: 'images'});
  }

  /**
   * The images, normalized.
   *
   * @param multiple what height and width must be multiples of.
   */
  input(multiple: number): tf.SymbolicTensor {
    const [, height, width] = this.image.shape;
    if (height! % multiple !== 0 || width! % multiple !== 0) {
      throw new Error(
        `Height and width of the images must be multiples of ${multiple}, but they are ${height} and ${width}.`,
      );
    }
    const {normalization} = this.options;
    if (!normalization) return this.image;
    return this.apply(
      new NormalizationLayer({name: 'normalization', ...normalization}),
      this.image,
    );
  }

  apply(layer: tf.layers.Layer, x: tf.SymbolicTensor): tf.SymbolicTensor {
    return layer.apply(x) as tf.SymbolicTensor;
  }

  /** 3×3, no bias, zero padding of one pixel on all sides. */
  convolution(
    x: tf.SymbolicTensor,
    filters: number,
    name: string,
    stride = 1,
  ): tf.SymbolicTensor {
    let padding: 'same' | 'valid' = 'same';
    if (stride === 2) {
      // 'same' with stride 2 pads at the bottom and right only: one pixel off
      // from what PyTorch does. This pads where its windows reach.
      const corner: [[number, number], [number, number]] = [
        [1, 0],
        [1, 0],
      ];
      const pad = {padding: corner, name: `${name}_pad`};
      x = this.apply(tf.layers.zeroPadding2d(pad), x);
      padding = 'valid';
    }
    return this.kernel(x, filters, name, 3, stride, padding);
  }

  /** 1×1, no bias. */
  projection(
    x: tf.SymbolicTensor,
    filters: number,
    name: string,
    stride: number,
  ): tf.SymbolicTensor {
    return this.kernel(x, filters, name, 1, stride, 'valid');
  }

  batchNorm(x: tf.SymbolicTensor, name: string): tf.SymbolicTensor {
    return this.apply(
      tf.layers.batchNormalization({epsilon: 1e-5, momentum: 0.9, name}),
      x,
    );
  }

  relu(x: tf.SymbolicTensor, name: string): tf.SymbolicTensor {
    return this.apply(tf.layers.activation({activation: 'relu', name}), x);
  }

  add(
    a: tf.SymbolicTensor,
    b: tf.SymbolicTensor,
    name: string,
  ): tf.SymbolicTensor {
    return tf.layers.add({name}).apply([a, b]) as tf.SymbolicTensor;
  }

  /** Mean over the image, a dense layer, and softmax unless logits are wanted. */
  classifier(x: tf.SymbolicTensor, name: string): tf.LayersModel {
    const pooled = this.apply(
      tf.layers.globalAveragePooling2d({name: 'pool'}),
      x,
    );
    const dense = tf.layers.dense({units: this.classes, name, ...this.init()});
    let outputs = this.apply(dense, pooled);
    if (this.options.output !== 'logits') {
      const softmax = {activation: 'softmax' as const, name: 'softmax'};
      outputs = this.apply(tf.layers.activation(softmax), outputs);
    }
    return tf.model({inputs: this.image, outputs, name: this.name});
  }

  private kernel(
    x: tf.SymbolicTensor,
    filters: number,
    name: string,
    kernelSize: number,
    strides: number,
    padding: 'same' | 'valid',
  ): tf.SymbolicTensor {
    return this.apply(
      tf.layers.conv2d({
        filters,
        kernelSize,
        strides,
        padding,
        useBias: false,
        name,
        ...this.init(),
      }),
      x,
    );
  }

  /** He et al. 2015's initialization, and the penalty. */
  private init() {
    const {weightDecay = 0, seed, initialize = true} = this.options;
    // A seed for all kernels would make those of one shape equal.
    const kernelSeed = seed === undefined ? undefined : seed + this.kernels++;
    return {
      kernelInitializer: initialize
        ? tf.initializers.heNormal({seed: kernelSeed})
        : tf.initializers.zeros(),
      kernelRegularizer:
        weightDecay > 0 ? tf.regularizers.l2({l2: weightDecay / 2}) : undefined,
    };
  }
}

function check({
  classes,
  inputShape,
  output = 'softmax',
  weightDecay = 0,
}: ClassifierOptions): void {
  if (!Number.isInteger(classes) || classes! < 2) {
    throw new Error(
      `classes must be a whole number, 2 or more, but it is ${classes}.`,
    );
  }
  const positive = (size: number) => Number.isInteger(size) && size > 0;
  if (inputShape?.length !== 3 || !inputShape.every(positive)) {
    throw new Error(
      `inputShape must be [height, width, channels], but it is ${JSON.stringify(inputShape)}.`,
    );
  }
  if (output !== 'softmax' && output !== 'logits') {
    throw new Error(
      `output must be 'softmax' or 'logits', but it is '${output}'.`,
    );
  }
  if (!(weightDecay >= 0 && weightDecay < Infinity)) {
    throw new Error(`weightDecay must be 0 or more, but it is ${weightDecay}.`);
  }
}
