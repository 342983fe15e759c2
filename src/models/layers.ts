import * as tf from '@tensorflow/tfjs';

type LayerArgs = NonNullable<ConstructorParameters<typeof tf.layers.Layer>[0]>;
type Shape4D = [number, number, number, number];

/** One tensor, though tfjs hands layers a list when they have one input. */
function single(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
  return Array.isArray(inputs) ? inputs[0] : inputs;
}

function singleShape(shape: tf.Shape | tf.Shape[]): tf.Shape {
  return (Array.isArray(shape[0]) ? shape[0] : shape) as tf.Shape;
}

/** Mean and standard deviation of each channel, for images in [0, 1]. */
export interface Normalization {
  /** What is subtracted. */
  mean: readonly number[];
  /** What is divided by, then. */
  stddev: readonly number[];
}

/** {@link Normalization} as models that were saved before 0.2 have it. */
export interface FormerNormalization {
  /** What is subtracted. */
  mean: readonly number[];
  /** What is divided by, then. */
  deviation: readonly number[];
}

/**
 * `(x − mean) / stddev` for each channel (the last axis): preprocessing as
 * a part of the model, so that images outside it stay in [0, 1].
 */
export class NormalizationLayer extends tf.layers.Layer {
  /** The name under which saved models find the layer. */
  static className = 'TfjsAdversarialNormalization';
  private readonly mean: number[];
  private readonly stddev: number[];

  constructor(args: LayerArgs & (Normalization | FormerNormalization)) {
    super(args);
    this.mean = [...args.mean];
    this.stddev = [...('stddev' in args ? args.stddev : args.deviation)];
    const valid =
      this.mean.length > 0 &&
      this.mean.length === this.stddev.length &&
      this.mean.every(Number.isFinite) &&
      this.stddev.every(value => Number.isFinite(value) && value > 0);
    if (!valid) {
      throw new Error(
        'Normalization needs a mean and a positive standard deviation for each channel.',
      );
    }
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() =>
      single(inputs)
        .sub(tf.tensor1d(this.mean))
        .mul(tf.tensor1d(this.stddev.map(value => 1 / value))),
    );
  }

  override build(inputShape: tf.Shape | tf.Shape[]): void {
    const channels = singleShape(inputShape).at(-1);
    if (channels !== this.mean.length) {
      throw new Error(
        `Normalization is for ${this.mean.length} channels, but its input has ${channels}.`,
      );
    }
    super.build(inputShape);
  }

  override computeOutputShape(inputShape: tf.Shape): tf.Shape {
    return inputShape;
  }

  override getConfig(): tf.serialization.ConfigDict {
    const {mean, stddev} = this;
    return {...super.getConfig(), mean, stddev};
  }
}

/**
 * The shortcut without parameters ("option A" of He et al. 2016, section 3.3)
 * past a block that halves the image: every second pixel of every second row,
 * and channels of zeros, half of them before and half behind.
 */
export class ShortcutLayer extends tf.layers.Layer {
  /** The name under which saved models find the layer. */
  static className = 'TfjsAdversarialShortcut';
  private readonly filters: number;

  /** @param args `filters`: channels of the output. */
  constructor(args: LayerArgs & {filters: number}) {
    super(args);
    this.filters = args.filters;
  }

  /** Two passes over memory; strided slices have no gradient in tfjs. */
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const x = single(inputs);
      const [count, height, width, channels] = x.shape as Shape4D;
      const [rows, columns] = [height / 2, width / 2];
      // A row is now a pair of rows, a pixel a pair of pixels: the wanted ones
      // are the first halves.
      const kept = x
        .reshape<tf.Tensor4D>([count * rows, 2, columns, 2 * channels])
        .slice([0, 0, 0, 0], [count * rows, 1, columns, channels])
        .reshape<tf.Tensor4D>([count, rows, columns, channels]);
      const before = Math.floor((this.filters - channels) / 2);
      const behind = this.filters - channels - before;
      const none: [number, number] = [0, 0];
      return tf.pad4d(kept, [none, none, none, [before, behind]]);
    });
  }

  override build(inputShape: tf.Shape | tf.Shape[]): void {
    const [, height, width, channels] = singleShape(inputShape);
    if (!isEven(height) || !isEven(width)) {
      throw new Error(
        `The shortcut halves images of even height and width, not of ${height}×${width}.`,
      );
    }
    if (!(channels! <= this.filters)) {
      throw new Error(
        `The shortcut cannot make ${this.filters} channels of ${channels}.`,
      );
    }
    super.build(inputShape);
  }

  override computeOutputShape(inputShape: tf.Shape): tf.Shape {
    const [count, height, width] = singleShape(inputShape);
    return [count, height! / 2, width! / 2, this.filters];
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {...super.getConfig(), filters: this.filters};
  }
}

function isEven(size: number | null): boolean {
  return size !== null && size % 2 === 0;
}

// Under one name in tfjs's own table: a second copy of this module replaces
// the first one's entry by an equal one.
tf.serialization.registerClass(NormalizationLayer);
tf.serialization.registerClass(ShortcutLayer);
