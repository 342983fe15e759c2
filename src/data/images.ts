import * as tf from '@tensorflow/tfjs';

/** Pixel value / 255 in float32, as a table: dividing 150 MB is slow. */
const unit = Float32Array.from({length: 256}, (_, value) => value / 255);

/**
 * Labeled images of one size, as bytes on the host: a quarter of the room of
 * float tensors, which are made only for the range that is asked for.
 */
export class ImageSet {
  /**
   * @param images pixel bytes, `[size, height, width, channels]` in row-major
   *     order.
   * @param labels class index of each image.
   * @param shape `[height, width, channels]` of one image.
   * @param classNames name of each class; there are as many classes as names.
   * @throws when the lengths do not fit together or a label names no class.
   */
  constructor(
    readonly images: Uint8Array,
    readonly labels: Uint8Array | Uint16Array,
    readonly shape: readonly [number, number, number],
    readonly classNames: readonly string[],
  ) {
    const expected = labels.length * this.imageSize;
    if (images.length !== expected) {
      throw new Error(
        `${labels.length} images of ${shape.join('×')} are ${expected} bytes, but ${images.length} were given.`,
      );
    }
    const wrong = labels.find(label => label >= classNames.length);
    if (wrong !== undefined) {
      throw new Error(
        `Label ${wrong} names none of the ${classNames.length} classes.`,
      );
    }
  }

  /** Number of images. */
  get size(): number {
    return this.labels.length;
  }

  /** Bytes of one image. */
  get imageSize(): number {
    return this.shape[0] * this.shape[1] * this.shape[2];
  }

  /** The images `begin` to `end` (exclusive), sharing this set's memory. */
  slice(begin: number, end = this.size): ImageSet {
    this.checkRange(begin, end);
    return new ImageSet(
      this.images.subarray(begin * this.imageSize, end * this.imageSize),
      this.labels.subarray(begin, end),
      this.shape,
      this.classNames,
    );
  }

  /**
   * The images `begin` to `end` (exclusive) as a new float32 tensor
   * `[end - begin, height, width, channels]` in [0, 1].
   */
  tensor(begin = 0, end = this.size): tf.Tensor4D {
    this.checkRange(begin, end);
    const bytes = this.images.subarray(
      begin * this.imageSize,
      end * this.imageSize,
    );
    return tf.tensor4d(bytesToUnit(bytes), [end - begin, ...this.shape]);
  }

  /** Class indices of `begin` to `end` (exclusive), a new int32 `[end - begin]`. */
  labelTensor(begin = 0, end = this.size): tf.Tensor1D {
    this.checkRange(begin, end);
    return tf.tensor1d(
      Int32Array.from(this.labels.subarray(begin, end)),
      'int32',
    );
  }

  /**
   * The same labels one-hot, a new float32 `[end - begin, classes]`, as
   * `categoricalCrossentropy` takes them.
   */
  oneHot(begin = 0, end = this.size): tf.Tensor2D {
    this.checkRange(begin, end);
    return oneHot(this.labels.subarray(begin, end), this.classNames.length);
  }

  private checkRange(begin: number, end: number): void {
    const valid =
      Number.isInteger(begin) &&
      Number.isInteger(end) &&
      0 <= begin &&
      begin <= end &&
      end <= this.size;
    if (!valid) {
      throw new Error(
        `Images ${begin} to ${end} were asked for; there are ${this.size}.`,
      );
    }
  }
}

/** Bytes as floats in [0, 1]; the correctly rounded value / 255. */
export function bytesToUnit(bytes: Uint8Array): Float32Array {
  const floats = new Float32Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) floats[i] = unit[bytes[i]];
  return floats;
}

/** Float32 `[labels.length, classes]`; `tf.oneHot` would give int32. */
export function oneHot(
  labels: ArrayLike<number>,
  classes: number,
): tf.Tensor2D {
  const hot = new Float32Array(labels.length * classes);
  for (let i = 0; i < labels.length; i++) hot[i * classes + labels[i]] = 1;
  return tf.tensor2d(hot, [labels.length, classes]);
}
