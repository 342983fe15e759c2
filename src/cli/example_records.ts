import * as tf from '@tensorflow/tfjs';
import type {AttackedExample, Classifier, ImageSet} from '../index.js';
import {margin} from '../attacks/losses.js';
import {logits} from '../models/logits.js';
import {dispose} from '../ops/tidy.js';
import {type Entry, writeSafetensors} from './safetensors.js';

/** What one attack made of every example. */
export interface AttackRecord {
  attack: string;
  /** Margin of each example. */
  margins: Float32Array;
  /** Perturbed images, row by row: [N, H, W, C] in [0, 1]. */
  images: Float32Array;
}

/** Collects the perturbed images of an evaluation, attack by attack. */
export class Records {
  private readonly records = new Map<string, AttackRecord>();

  constructor(private readonly data: ImageSet) {}

  /** To be called for each example that is finished. */
  add({attack, index, margin, image}: AttackedExample): void {
    const {size, imageSize} = this.data;
    let record = this.records.get(attack);
    if (!record) {
      record = {
        ...{attack, margins: new Float32Array(size)},
        images: new Float32Array(size * imageSize),
      };
      this.records.set(attack, record);
    }
    record.margins[index] = margin;
    record.images.set(image, index * imageSize);
  }

  /** Those of these attacks. */
  of(attacks: string[]): AttackRecord[] {
    return attacks.flatMap(attack => this.records.get(attack) ?? []);
  }
}

/** One character for each margin: 1 where an example is still classified correctly. A NaN is a success of the attack. */
export function survived(margins: Float32Array): string {
  return Array.from(margins, margin => Number(margin >= 0)).join('');
}

/** The nearest of 256 values. */
export function toBytes(images: Float32Array): Uint8Array {
  return Uint8Array.from(images, x => Math.round(255 * x));
}

/** Values in [0, 1] of bytes. */
export function fromBytes(bytes: Uint8Array): Float32Array {
  return Float32Array.from(bytes, byte => byte / 255);
}

/** What a classifier makes of images that are not attacked any more. */
export interface Classified {
  /** The class of each. */
  predicted: Int32Array;
  /** As the library's margin: not below 0 where the label wins. */
  margins: Float32Array;
}

/** Classifies images [N, H, W, C], given row by row, of the examples of `data`. */
export async function classify(
  model: Classifier,
  images: Float32Array,
  data: ImageSet,
  batchSize: number,
): Promise<Classified> {
  const predicted = new Int32Array(data.size);
  const margins = new Float32Array(data.size);
  for (let i = 0; i < data.size; i += batchSize) {
    const end = Math.min(i + batchSize, data.size);
    const found = tf.tidy(() => {
      const part = images.subarray(i * data.imageSize, end * data.imageSize);
      const z = logits(model, tf.tensor4d(part, [end - i, ...data.shape]));
      return {
        predicted: tf.argMax(z, 1),
        margin: margin(z, data.oneHot(i, end)),
      };
    });
    predicted.set(await found.predicted.data(), i);
    margins.set(await found.margin.data(), i);
    dispose(found);
  }
  return {predicted, margins};
}

/** For each image of a set, whether the model is right. */
export async function classifiesRight(
  model: Classifier,
  data: ImageSet,
  batchSize: number,
): Promise<boolean[]> {
  const right: boolean[] = [];
  for (let i = 0; i < data.size; i += batchSize) {
    const end = Math.min(i + batchSize, data.size);
    const predicted = tf.tidy(() =>
      tf.argMax(logits(model, data.tensor(i, end)), 1),
    );
    const classes = await predicted.data();
    predicted.dispose();
    classes.forEach((c: number, k: number) =>
      right.push(c === data.labels[i + k]),
    );
  }
  return right;
}

/** What `check_saved.py` reads of one attack. */
export interface SavedAttack {
  attack: string;
  images: Float32Array | Uint8Array;
  margins: Float32Array;
}

/**
 * Writes the records to one safetensors file that `check_saved.py` reads:
 * `labels` [N], and for each attack `ATTACK/images` [N, H, W, C] (float32 in
 * [0, 1], or uint8 if rounded), `ATTACK/correct` [N] (1 where the example is
 * classified correctly) and `ATTACK/margin` [N].
 */
export async function saveRecords(
  file: string,
  saved: SavedAttack[],
  data: ImageSet,
  metadata: object,
): Promise<void> {
  const count = [data.size];
  const entries = new Map<string, Entry>();
  entries.set('labels', {shape: count, values: Int32Array.from(data.labels)});
  for (const {attack, images, margins} of saved) {
    entries.set(`${attack}/images`, {
      shape: [data.size, ...data.shape],
      values: images,
    });
    entries.set(`${attack}/correct`, {
      shape: count,
      values: Uint8Array.from(survived(margins), Number),
    });
    entries.set(`${attack}/margin`, {shape: count, values: margins});
  }
  const attacks = saved.map(({attack}) => attack);
  await writeSafetensors(file, {entries, metadata: {...metadata, attacks}});
}
