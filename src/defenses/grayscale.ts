import * as tf from '@tensorflow/tfjs';

/** ITU-R BT.601 luma: what each channel adds to the gray value. */
const LUMA = [0.299, 0.587, 0.114];

type LayerArgs = NonNullable<ConstructorParameters<typeof tf.layers.Layer>[0]>;

/**
 * RGB images `[N, height, width, 3]` → gray ones of one channel, or of three
 * equal ones.
 */
export class GrayscaleLayer extends tf.layers.Layer {
  /** @nocollapse */
  static className = 'TfjsAdversarialGrayscale';
  private readonly channels: 1 | 3;

  /** @param args `channels`: of the output; default 3. */
  constructor(args: LayerArgs & {channels?: 1 | 3}) {
    super(args);
    this.channels = args.channels ?? 3;
    if (this.channels !== 1 && this.channels !== 3) {
      throw new Error(
        `Gray images have 1 or 3 channels here, not ${this.channels}.`,
      );
    }
  }

  /** One matrix product, whatever the number of channels. */
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const x = Array.isArray(inputs) ? inputs[0] : inputs;
      const {channels} = this;
      const weights = LUMA.map(weight => new Array(channels).fill(weight));
      return tf
        .matMul(x.reshape([-1, 3]), tf.tensor2d(weights, [3, channels]))
        .reshape([...x.shape.slice(0, -1), channels]);
    });
  }

  override computeOutputShape(inputShape: tf.Shape): tf.Shape {
    return [...inputShape.slice(0, -1), this.channels];
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {...super.getConfig(), channels: this.channels};
  }
}

tf.serialization.registerClass(GrayscaleLayer);

/**
 * The same model behind an RGB → gray layer: changes of color that keep the
 * brightness do not reach it (the rows "B&W" of Laidlaw & Feizi 2019, table
 * 1). Attacks see through the layer.
 *
 * The gray value is 0.299 R + 0.587 G + 0.114 B, the luma of ITU-R BT.601, as
 * torchvision and PIL have it. (Which formula the paper used is not known. Its
 * released network has three input channels and has learnt from three equal
 * ones: this is what a model with three channels is given here; one with a
 * single channel is given a single one.)
 *
 * The weights are shared: training the returned model trains `model`, and
 * disposing it disposes `model`. It is not compiled, whatever `model` is:
 * call `compile` on it before `fit`. Saved and loaded again (with
 * tfjs-adversarial imported, which makes the layer known), it keeps the layer.
 *
 * @param model sequential or functional, with one input
 *     `[N, height, width, 3]` or `[N, height, width, 1]`.
 * @returns a model of images `[N, height, width, 3]` with the same output.
 * @throws when the model has another input.
 */
export function grayscale(model: tf.LayersModel): tf.LayersModel {
  const inputs = model.inputs ?? [];
  const shape = inputs[0]?.shape ?? [];
  const channels = shape.at(-1);
  if (
    inputs.length !== 1 ||
    shape.length !== 4 ||
    (channels !== 1 && channels !== 3)
  ) {
    throw new Error(
      `grayscale needs a model with one input [N, height, width, 3 or 1], but it has ${inputs.length === 1 ? `[${shape}]` : `${inputs.length} inputs`}.`,
    );
  }
  const rgb = tf.input({shape: [shape[1], shape[2], 3]});
  const gray = new GrayscaleLayer({channels}).apply(rgb) as tf.SymbolicTensor;
  const outputs = model.apply(gray) as tf.SymbolicTensor | tf.SymbolicTensor[];
  return tf.model({inputs: rgb, outputs, name: `${model.name}_grayscale`});
}
