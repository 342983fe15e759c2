import * as tf from '@tensorflow/tfjs';
import {tidy} from '../ops/tidy.js';
import {imageGrid} from '../tensorboard/image_grid.js';
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
    {adversarial: all}: Crafted,
    step: number,
  ): void {
    tidy(() => {
      const count = Math.min(IMAGES, clean.shape[0]);
      const [images, adversarial] = [clean, all].map(t =>
        tf.slice(t, 0, count),
      ) as [tf.Tensor4D, tf.Tensor4D];
      const apart = tf.max(tf.abs(tf.sub(adversarial, images))).dataSync()[0];
      const magnify = magnification(apart);
      const grid = imageGrid(images, adversarial, {count, magnify});
      writer.image!('attack/images', grid, step, {
        description: `From above: clean images, adversarial examples, and their difference × ${magnify} around gray. One column for each of the first ${count} examples attacked in the epoch.`,
      });
    });
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

/** The largest of 1, 2, 5, 10, … under which no difference leaves [0, 1], from 1 to 20. */
function magnification(largest: number): number {
  const fits = [20, 10, 5, 2].filter(factor => factor * largest <= 0.5);
  return fits[0] ?? 1;
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
