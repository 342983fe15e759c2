import * as tf from '@tensorflow/tfjs';

/** The numbers of a histogram where they are not in a tensor. */
export type HistogramData =
  tf.Tensor | Float32Array | Int32Array | Uint8Array | number[];

/**
 * Pictures in [0, 1]: `[height, width, channels]` for one, `[count, height,
 * width, channels]` for several, with 1 (gray), 3 (RGB) or 4 (RGBA) channels.
 *
 * A `tf.TensorBuffer` (`await images.buffer()`) is for backends that cannot be
 * read synchronously.
 */
export type SummaryImages =
  | tf.Tensor3D
  | tf.Tensor4D
  | tf.TensorBuffer<tf.Rank.R3>
  | tf.TensorBuffer<tf.Rank.R4>;

/** Values that a hyper-parameter may have in TensorBoard's table. */
export type HParamValue = string | number | boolean;

/**
 * A column of results in TensorBoard's table of hyper-parameters: the last
 * value of a scalar, given by its name, or by its name and the subdirectory
 * (`train`, `val`) whose event files hold it. TensorBoard looks into
 * subdirectories only where it was started above the run's directory.
 */
export type HParamsMetric =
  | string
  | {
      /** The scalar's name. */
      tag: string;
      /** The subdirectory; by default the run's own directory. */
      run?: string;
      /** The column's title. */
      displayName?: string;
    };

/**
 * What can be written for TensorBoard.
 *
 * tfjs-node's `tf.node.summaryFileWriter(dir)` is one of these, with the first
 * three methods only; `eventFileWriter(dir)` has all of them, on every backend.
 *
 * `step` is a whole number ≥ 0. Nothing given to a writer is disposed.
 */
export interface SummaryWriter {
  /** Adds a point to the curve `name`. */
  scalar(name: string, value: number | tf.Scalar, step: number): void;

  /**
   * Adds the distribution of `data`, whatever its shape, to the series `name`,
   * in `buckets` (30) equal parts between its smallest and largest value.
   */
  histogram(
    name: string,
    data: HistogramData,
    step: number,
    buckets?: number,
  ): void;

  /** Sends what is still in memory to the file. */
  flush(): void;

  /**
   * Adds pictures, the first `maxOutputs` (3) of those given. TensorBoard shows
   * the description, Markdown, beside the pictures' name.
   */
  image?(
    name: string,
    images: SummaryImages,
    step: number,
    options?: {maxOutputs?: number; description?: string},
  ): void;

  /** Adds a text; TensorBoard shows it as Markdown. */
  text?(name: string, markdown: string, step: number): void;

  /**
   * Records what this run was made with, a row of the table of
   * hyper-parameters, once per run. `metrics` names the columns of results;
   * without it TensorBoard shows one for each scalar. Runs to be compared
   * should give the same names: those of the first run found with `metrics`
   * are the columns for all.
   */
  hparams?(
    values: Record<string, HParamValue>,
    metrics?: readonly HParamsMetric[],
  ): void;

  /** Ends the run; nothing may be written afterwards. */
  close?(status?: 'success' | 'failure'): void;
}

/**
 * Makes one interface of what users pass as a writer: tfjs-node's takes
 * histograms of tensors only, and none whose values are all equal.
 *
 * @throws An `Error` where a method that every writer has is missing.
 */
export function asSummaryWriter(writer: SummaryWriter): SummaryWriter {
  for (const method of ['scalar', 'histogram', 'flush'] as const) {
    if (typeof writer?.[method] !== 'function') {
      throw new Error(
        `A summary writer has the methods scalar, histogram and flush, but ${method} is missing; make one with eventFileWriter(logDir) or tf.node.summaryFileWriter(logDir).`,
      );
    }
  }
  // Writers that show pictures are ours, or made for this interface.
  if (writer.image != null) return writer;
  return {
    scalar: (name, value, step) => writer.scalar(name, value, step),
    histogram: (name, data, step, buckets) =>
      tf.tidy(() => {
        const values = data instanceof tf.Tensor ? data.dataSync() : data;
        const tensor = tf.tensor1d(distinct(values), 'float32');
        writer.histogram(name, tensor, step, buckets);
      }),
    flush: () => writer.flush(),
  };
}

/**
 * The finite values, with a millionth added to the last one where all are
 * equal: tfjs-node's histogram, which would put them in one bucket, throws.
 */
function distinct(values: ArrayLike<number>): number[] {
  const finite = Array.from(values).filter(Number.isFinite);
  const [first] = finite;
  if (finite.length > 0 && finite.every(value => value === first)) {
    // A single value cannot be told from itself; it is counted twice.
    if (finite.length === 1) finite.push(first);
    finite[finite.length - 1] += 1e-6 * Math.max(1, Math.abs(first));
  }
  return finite;
}
