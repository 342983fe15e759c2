import * as tf from '@tensorflow/tfjs';
import {
  attack as makeAttack,
  attackExamples,
  type AttackOptions,
  type Classifier,
  type ImageSet,
} from '../src/index.js';
import {type Entry, writeSafetensors} from './safetensors.js';

/** What one attack made of every example. */
export interface AttackRecord {
  attack: string;
  /** One character for each example: 1 where it is still classified correctly. */
  correct: string;
  /** The same after rounding the images to 8 bits. */
  rounded: string;
  /** Margin of each example, and of its rounded image. */
  margins: Float32Array;
  roundedMargins: Float32Array;
  /** Perturbed images, row by row: [N, H, W, C] in [0, 1]. */
  images: Float32Array;
  seconds: number;
}

export interface RecordArgs {
  batchSize: number;
  signal: AbortSignal;
  onProgress(progress: {attack: string; done: number; correct: number}): void;
}

/**
 * Attacks all examples and keeps the perturbed images. Each is also rounded to
 * 8 bits, as in a picture file, and classified again.
 *
 * @returns null if it was stopped.
 */
export async function recordAttack(
  spec: string,
  options: AttackOptions,
  model: Classifier,
  data: ImageSet,
  {batchSize, signal, onProgress}: RecordArgs,
): Promise<AttackRecord | null> {
  const attack = makeAttack(spec, {
    ...options,
    // Changes no result where the best iterate is kept.
    earlyStop: options.variant !== 'reference',
  });
  const started = performance.now();
  const images = new Float32Array(data.size * data.imageSize);
  const margins = new Float32Array(data.size);
  let done = 0;
  let correct = 0;
  await attackExamples(attack, model, data, {
    batchSize,
    signal,
    wanted: () => true,
    onFinished: ({index, margin, adversarial}) => {
      images.set(adversarial!, index * data.imageSize);
      margins[index] = margin;
      correct += Number(margin >= 0);
      onProgress({attack: attack.name, done: ++done, correct});
    },
  });
  if (done < data.size) return null;
  const roundedMargins = await classify(
    model,
    toBytes(images),
    data,
    batchSize,
  );
  return {
    ...{attack: attack.name, images, margins, roundedMargins},
    correct: survived(margins),
    rounded: survived(roundedMargins),
    seconds: (performance.now() - started) / 1000,
  };
}

/** A NaN counts as a success of the attack, as in the library. */
const survived = (margins: Float32Array) =>
  Array.from(margins, margin => Number(margin >= 0)).join('');

/** The nearest of 256 values. */
export function toBytes(images: Float32Array): Uint8Array {
  return Uint8Array.from(images, x => Math.round(255 * x));
}

/** Margins of images that are not attacked any more. */
async function classify(
  model: Classifier,
  bytes: Uint8Array,
  data: ImageSet,
  batchSize: number,
): Promise<Float32Array> {
  const none = makeAttack('None');
  const margins = new Float32Array(data.size);
  for (let i = 0; i < data.size; i += batchSize) {
    const end = Math.min(i + batchSize, data.size);
    const margin = tf.tidy(() => {
      const part = bytes.subarray(i * data.imageSize, end * data.imageSize);
      const values = Float32Array.from(part, byte => byte / 255);
      const images = tf.tensor4d(values, [end - i, ...data.shape]);
      return none.perturb(model, images, data.labelTensor(i, end)).margin;
    });
    margins.set(await margin.data(), i);
    margin.dispose();
  }
  return margins;
}

/**
 * Writes the records to one safetensors file that `check_saved.py` reads:
 * `labels` [N], and for each attack `ATTACK/images` [N, H, W, C] (float32 in
 * [0, 1], or uint8 if rounded), `ATTACK/correct` [N] (1 where the example is
 * classified correctly) and `ATTACK/margin` [N].
 *
 * @param rounded whether to save the rounded images and their results.
 */
export async function saveRecords(
  file: string,
  records: AttackRecord[],
  data: ImageSet,
  {rounded, metadata}: {rounded: boolean; metadata: object},
): Promise<void> {
  const count = [data.size];
  const entries = new Map<string, Entry>();
  entries.set('labels', {shape: count, values: Int32Array.from(data.labels)});
  for (const record of records) {
    const {attack, images} = record;
    const correct = rounded ? record.rounded : record.correct;
    entries.set(`${attack}/images`, {
      shape: [data.size, ...data.shape],
      values: rounded ? toBytes(images) : images,
    });
    entries.set(`${attack}/correct`, {
      shape: count,
      values: Uint8Array.from(correct, Number),
    });
    entries.set(`${attack}/margin`, {
      shape: count,
      values: rounded ? record.roundedMargins : record.margins,
    });
  }
  const attacks = records.map(record => record.attack);
  await writeSafetensors(file, {entries, metadata: {...metadata, attacks}});
}
