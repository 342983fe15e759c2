import * as tf from '@tensorflow/tfjs';
import {tidy} from '../ops/tidy.js';
import {differenceName} from '../pictures/attack_picture.js';
import {
  differenceImages,
  largestDifference,
  magnification,
} from '../pictures/difference.js';
import {type PictureText, rowsPicture} from '../pictures/picture.js';
import type {TextRenderer} from '../pictures/text_renderer.js';
import {unfailing} from '../tensorboard/unfailing.js';
import {
  asSummaryWriter,
  type HParamsMetric,
  type HParamValue,
  type SummaryWriter,
} from '../tensorboard/summary_writer.js';
import type {Adversaries} from './adversaries.js';
import type {AdversarialTrainingArgs} from './adversarial_training_args.js';
import type {Crafted} from './adversary.js';

/** Images of a batch that are shown. */
const IMAGES = 8;

/**
 * What TensorBoard shows of an attack beside curves: images, histograms of margins
 * and perturbation sizes, hyper-parameters and the configuration as text. Images
 * and histograms are of the first batch attacked in each epoch.
 *
 * Once training has begun, nothing here throws.
 */
export class AttackLog {
  private writer: SummaryWriter | null = null;
  /** Hyper-parameters are found with their metrics in the run above those of curves. */
  private table: SummaryWriter | null = null;
  private epoch = 0;
  private due = false;
  /** Null where the library that draws text is not installed. */
  private drawTexts: TextRenderer | null = null;
  private readonly attempt = unfailing('The log of the attack');

  /** @param goesOn whether the directory may hold what an earlier run wrote and this one writes again. */
  constructor(
    private readonly target: string | SummaryWriter,
    private readonly goesOn = false,
  ) {}

  async begin(
    adversaries: Adversaries,
    args: AdversarialTrainingArgs,
    {initialEpoch, metrics}: {initialEpoch: number; metrics: string[]},
  ): Promise<void> {
    if (typeof this.target === 'string') {
      const {eventFileWriter} = await import('../tensorboard/event_file.js');
      // A run of its own: TensorBoard follows only the newest file of a run.
      this.writer = eventFileWriter(`${this.target}/attack`, {
        purgeStep: this.goesOn ? initialEpoch + 1 : undefined,
      });
      this.table = eventFileWriter(this.target);
    } else {
      this.writer = this.table = asSummaryWriter(this.target);
    }
    if (this.writer.image) this.drawTexts = await textRenderer();
    const values = configuration(adversaries, args);
    this.writer.text?.(
      'attack/configuration',
      '```json\n' + JSON.stringify(values, null, 2) + '\n```',
      0,
    );
    this.table.hparams?.(values, this.metrics(metrics));
    this.writer.flush();
    this.table.flush();
  }

  beginEpoch(epoch: number): void {
    this.epoch = epoch;
    this.due = true;
  }

  /** Whether the next batch is shown. */
  get isDue(): boolean {
    return this.due && this.writer !== null;
  }

  /** @param images The clean ones of the first examples of `crafted`. */
  write(images: tf.Tensor4D, crafted: Crafted): void {
    const {writer} = this;
    if (!this.due || !writer) return;
    this.due = false;
    const step = this.epoch + 1;
    this.attempt(() => {
      if (writer.image) this.writeImages(writer, images, crafted, step);
      const {margin, sizes} = crafted;
      if (margin) writer.histogram('attack/margin', margin, step);
      for (const [term, size] of Object.entries(sizes)) {
        writer.histogram(`attack/size_${term}`, size, step);
      }
    });
  }

  endEpoch(): void {
    this.attempt(() => this.writer?.flush());
  }

  end(): void {
    this.attempt(() => {
      for (const writer of [this.writer, this.table]) {
        if (typeof this.target === 'string') writer?.close?.();
        else writer?.flush();
      }
    });
    this.writer = this.table = null;
  }

  private writeImages(
    writer: SummaryWriter,
    clean: tf.Tensor4D,
    {adversarial: all, success}: Crafted,
    step: number,
  ): void {
    const wrong = success && [...success.dataSync()];
    tidy(() => {
      const count = Math.min(IMAGES, clean.shape[0]);
      const [images, adversarial] = [clean, all].map(t =>
        tf.slice(t, 0, count),
      ) as [tf.Tensor4D, tf.Tensor4D];
      const apart = largestDifference(images, adversarial).dataSync()[0];
      const magnify = magnification(apart);
      const captions = wrong?.slice(0, count).map(wrong => ({
        text: wrong ? 'misclassified' : 'correct',
        wrong: Boolean(wrong),
      }));
      const difference = differenceImages(images, adversarial, magnify);
      const {pixels, texts} = rowsPicture([
        {name: 'clean', images},
        {name: 'adversarial', images: adversarial, captions},
        {name: differenceName(magnify), images: difference},
      ]);
      writer.image!('attack/images', this.withTexts(pixels, texts), step, {
        description: `From above: clean images, adversarial examples, and their difference × ${magnify} around gray. One column for each of the first ${count} examples attacked in the epoch.`,
      });
    });
  }

  private withTexts(pixels: tf.Tensor3D, texts: PictureText[]): tf.Tensor3D {
    if (!this.drawTexts) return pixels;
    const [height, width] = pixels.shape;
    const data = Uint8ClampedArray.from(pixels.dataSync(), x => 255 * x);
    const drawn = this.drawTexts({data, shape: [height, width, 3]}, texts);
    return tf.tidy(() =>
      tf.slice(
        tf.div(tf.tensor3d(Float32Array.from(drawn.data), drawn.shape), 255),
        0,
        [height, width, 3],
      ),
    ) as tf.Tensor3D;
  }

  /** Where the curves are that belong to this run. */
  private metrics(keys: string[]): HParamsMetric[] {
    return [...new Set(keys)].map(key => {
      const run = key.startsWith('val_') ? 'val' : 'train';
      const tag = `epoch/${key.replace(/^val_/, '')}`;
      return typeof this.target === 'string'
        ? {tag, run, displayName: key}
        : {tag: `${run}/${tag}`, displayName: key};
    });
  }
}

/** In a browser there is none either. */
async function textRenderer(): Promise<TextRenderer | null> {
  try {
    const {loadTextRenderer} = await import('../pictures/text_renderer.js');
    return await loadTextRenderer();
  } catch {
    return null;
  }
}

function configuration(
  adversaries: Adversaries,
  args: AdversarialTrainingArgs,
): Record<string, HParamValue> {
  const {mix, every = 1, warmUpEpochs = 0, objective, union} = args;
  const {labelSmoothing = 0, awp = 0} = args;
  const values = {
    attack: adversaries.names.join(' | '),
    union,
    mix,
    every,
    warmUpEpochs,
    objective: objective?.name ?? 'loss',
    labelSmoothing,
    awp,
    ...adversaries.current[0].configuration,
  };
  return Object.fromEntries(
    Object.entries(values)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, plain(value)]),
  );
}

/** TensorBoard's hyper-parameters are numbers, strings and booleans; JSON has no Infinity. */
function plain(value: unknown): HParamValue {
  if (typeof value === 'boolean' || typeof value === 'string') return value;
  // A custom loss.
  if (typeof value === 'function') return value.name || 'custom';
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}
