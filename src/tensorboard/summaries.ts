import * as tf from '@tensorflow/tfjs';
import {histogramBuckets} from './histogram.js';
import {bytes, encodePng} from '../io/png.js';
import {DataClass, DataType} from './schema.js';
import type {HistogramData, SummaryImages} from './summary_writer.js';

/** One `Summary.Value`; the plugin's name says which page of TensorBoard shows it. */
export interface SummaryValue {
  tag: string;
  metadata: {
    pluginData: {pluginName: string; content?: Uint8Array};
    dataClass: number;
    /** Markdown. */
    summaryDescription?: string;
  };
  tensor: object;
}

/** A point of a curve; a tensor must hold one value. */
export function scalarValue(
  tag: string,
  value: number | tf.Scalar,
): SummaryValue {
  if (typeof value !== 'number' && value?.size !== 1) {
    throw new Error(
      `The scalar "${tag}" must be a number or a tensor of one value${value?.shape ? `, not of shape [${value.shape}]` : ''}.`,
    );
  }
  const number = typeof value === 'number' ? value : value.dataSync()[0];
  return summary(tag, 'scalars', DataClass.SCALAR, {
    dtype: DataType.FLOAT,
    tensorShape: shape([]),
    floatVal: [number],
  });
}

/** Buckets as a tensor `[buckets, 3]` of left edge, right edge and count. */
export function histogramValue(
  tag: string,
  data: HistogramData,
  buckets?: number,
): SummaryValue {
  if (buckets != null && !(Number.isInteger(buckets) && buckets > 0)) {
    throw new Error(
      `A histogram needs a whole number of buckets above 0, not ${buckets}.`,
    );
  }
  const values = data instanceof tf.Tensor ? data.dataSync() : data;
  const rows = histogramBuckets(values, buckets);
  return summary(tag, 'histograms', DataClass.TENSOR, {
    dtype: DataType.DOUBLE,
    tensorShape: shape([rows.length, 3]),
    doubleVal: rows.flat(),
  });
}

/** PNG files after their width and height, all as strings. */
export function imageValue(
  tag: string,
  images: SummaryImages,
  maxOutputs = 3,
  description?: string,
): SummaryValue {
  const dims: number[] = images.shape;
  const [height, width, channels] = dims.slice(-3);
  if (![3, 4].includes(dims.length)) {
    throw new Error(
      `Images have the shape [height, width, channels] or [count, height, width, channels], but those of "${tag}" have [${dims}].`,
    );
  }
  if (!Number.isInteger(maxOutputs) || maxOutputs < 1) {
    throw new Error(
      `maxOutputs must be a whole number from 1, not ${maxOutputs}.`,
    );
  }
  const count = Math.min(dims.length === 4 ? dims[0] : 1, maxOutputs);
  const data = bytes(images);
  const size = height * width * channels;
  const files = Array.from({length: count}, (_, i) =>
    encodePng({
      data: data.subarray(i * size, (i + 1) * size),
      shape: [height, width, channels],
    }),
  );
  const strings = [utf8(String(width)), utf8(String(height)), ...files];
  const value = summary(tag, 'images', DataClass.BLOB_SEQUENCE, {
    dtype: DataType.STRING,
    tensorShape: shape([strings.length]),
    stringVal: strings,
  });
  if (description) value.metadata.summaryDescription = description;
  return value;
}

/** Markdown. */
export function textValue(tag: string, markdown: string): SummaryValue {
  return summary(tag, 'text', DataClass.TENSOR, {
    dtype: DataType.STRING,
    tensorShape: shape([]),
    stringVal: [utf8(markdown)],
  });
}

/** The hparams plugin keeps everything in the metadata. */
export function hparamsValue(tag: string, content: Uint8Array): SummaryValue {
  const value = summary(`_hparams_/${tag}`, 'hparams', DataClass.TENSOR, {
    dtype: DataType.FLOAT,
    tensorShape: shape([0]),
  });
  value.metadata.pluginData.content = content;
  return value;
}

function summary(
  tag: string,
  pluginName: string,
  dataClass: number,
  tensor: object,
): SummaryValue {
  return {tag, metadata: {pluginData: {pluginName}, dataClass}, tensor};
}

function shape(dims: number[]): object {
  return {dim: dims.map(size => ({size}))};
}

const utf8 = (text: string) => new TextEncoder().encode(text);
