import * as tf from '@tensorflow/tfjs';
import type {AttackedExample, Classifier, ImageSet} from '../index.js';
import {logits} from '../models/logits.js';

/** Pictures of each attack. */
const PICTURES = 12;

/** Mean and maximum of a measure over examples. */
export class Spread {
  /** Examples measured. */
  count = 0;
  /** The largest value. */
  largest = 0;
  private sum = 0;

  add(value: number): void {
    this.count++;
    this.sum += value;
    this.largest = Math.max(this.largest, value);
  }

  get mean(): number {
    return this.sum / this.count;
  }
}

/** What the page says of one attack. */
export interface PageRecord {
  attack: string;
  /** What the model says of each perturbed image. */
  predicted: Int32Array;
  /** Examples that were right before and are wrong now. */
  fallen: number;
  /** The first of these, in the order in which they fell. */
  shown: AttackedExample[];
  /** How far each term moved those that fell, by its name, in the units of its bound. */
  moved: Map<string, Spread>;
  /** The largest change of a channel in each image that fell, from 0 to 1. */
  change: Spread;
}

/**
 * Collects what the page of an evaluation shows. Of the perturbed images it keeps
 * the few that are shown; all are classified as they come, a batch at a time.
 */
export class PageRecords {
  private readonly records = new Map<string, PageRecord>();
  /** Images that wait for their batch. */
  private waiting: AttackedExample[] = [];
  private readonly reading: Promise<void>[] = [];

  /** @param right For each example, whether the model is right without an attack. */
  constructor(
    private readonly model: Classifier,
    private readonly data: ImageSet,
    private readonly batchSize: number,
    private readonly right: readonly boolean[],
  ) {}

  /** To be called for each example that is finished. */
  add(example: AttackedExample): void {
    const {attack, index, margin, image, sizes} = example;
    const record = this.recordOf(attack);
    this.waiting.push(example);
    if (this.waiting.length >= this.batchSize) this.classify();
    // A NaN is a success of the attack.
    if (margin >= 0 || !this.right[index]) return;
    record.fallen++;
    if (record.shown.length < PICTURES) record.shown.push(example);
    for (const [term, size] of Object.entries(sizes)) {
      const spread = record.moved.get(term) ?? new Spread();
      record.moved.set(term, spread);
      spread.add(size);
    }
    const clean = this.data.images;
    const begin = index * this.data.imageSize;
    record.change.add(
      image.reduce(
        (max, x, i) => Math.max(max, Math.abs(x - clean[begin + i] / 255)),
        0,
      ),
    );
  }

  /** Those of these attacks, once all is read. */
  async of(attacks: string[]): Promise<PageRecord[]> {
    this.classify();
    await Promise.all(this.reading);
    return attacks.flatMap(attack => this.records.get(attack) ?? []);
  }

  private recordOf(attack: string): PageRecord {
    let record = this.records.get(attack);
    if (!record) {
      record = {
        ...{attack, fallen: 0, shown: [], moved: new Map()},
        predicted: new Int32Array(this.data.size),
        change: new Spread(),
      };
      this.records.set(attack, record);
    }
    return record;
  }

  private classify(): void {
    const batch = this.waiting;
    if (batch.length === 0) return;
    this.waiting = [];
    const {imageSize, shape} = this.data;
    const values = new Float32Array(batch.length * imageSize);
    batch.forEach(({image}, i) => values.set(image, i * imageSize));
    const predicted = tf.tidy(() => {
      const images = tf.tensor4d(values, [batch.length, ...shape]);
      return tf.argMax(logits(this.model, images), 1);
    });
    const read = async () => {
      const classes = await predicted.data();
      predicted.dispose();
      batch.forEach(({attack, index}, i) => {
        this.records.get(attack)!.predicted[index] = classes[i];
      });
    };
    this.reading.push(read());
  }
}
