import * as tf from '@tensorflow/tfjs';
import {margin} from '../attacks/losses.js';
import {oneHotLabels} from '../data/validate.js';
import {logits} from '../models/logits.js';
import {tidy} from '../ops/tidy.js';
import type {UnionMode} from './adversarial_training_args.js';
import type {Crafted, Judged} from './adversary.js';
import {misclassified} from './misclassified.js';
import type {Worst} from './union.js';

/** What {@link BatchLogs} shows. */
export interface BatchLogsArgs {
  clean: boolean;
  /** Some batches are not measured, and repeat the last one's values. */
  repeat: boolean;
  /** Whether batches may be skipped. */
  skipped: boolean;
  union?: {mode: UnionMode; names: string[]};
}

/**
 * Adds what an attack did to a batch to tfjs's logs.
 *
 * Keys that appear at a batch's end never reach the epoch's logs, History or the
 * progress bar. So they are announced among the metrics when training begins,
 * and written into the logs object that a batch begins with; tfjs then averages
 * them as it does its own.
 */
export class BatchLogs {
  readonly keys: string[];
  private logs: tf.Logs | undefined;
  private last: Record<string, unknown> = {};
  private readonly repeat: boolean;

  constructor(
    private readonly terms: string[],
    private readonly show: BatchLogsArgs,
  ) {
    const {names = [], mode} = show.union ?? {};
    this.keys = [
      ...(show.clean ? ['clean_acc', 'clean_loss', 'clean_margin'] : []),
      'adv_acc',
      'adv_loss',
      'adv_margin',
      ...terms.map(term => `size_${term}`),
      ...names.flatMap(name => [`adv_acc_${name}`, `adv_margin_${name}`]),
      ...(mode === 'worst' ? names.map(name => `share_${name}`) : []),
      'craft_ms',
      ...(show.skipped ? ['skipped'] : []),
    ];
    this.repeat = show.repeat || mode === 'random' || mode === 'adaptive';
  }

  /** What batches that are not measured repeat; all of it numbers. */
  state(): Record<string, number> {
    return {...(this.last as Record<string, number>)};
  }

  /** To go on from {@link state}. */
  restore(state: Record<string, number> = {}): void {
    this.last = {...state};
  }

  begin(logs: tf.Logs | undefined): void {
    this.logs = logs;
  }

  /** Whether this batch is the first of a run, with nothing to repeat. */
  get isFirst(): boolean {
    return !('adv_acc' in this.last);
  }

  write(
    model: tf.LayersModel,
    {images, labels, crafted, craftMs}: CraftedBatch,
  ): void {
    if (!this.logs) return;
    tidy(() => {
      const values: Record<string, tf.Tensor> = {};
      const z = crafted.logits ?? logits(model, crafted.adversarial);
      const classes = z.shape[1];
      const oneHot = oneHotLabels(labels, images.shape[0], classes);
      const copies = z.shape[0] / images.shape[0];
      const tiled = copies > 1 ? tf.tile(oneHot, [copies, 1]) : oneHot;
      measure(values, 'adv', z, tiled as tf.Tensor2D);
      if (this.show.clean) {
        measure(values, 'clean', logits(model, images), oneHot);
      }
      for (const term of this.terms) {
        const size = crafted.sizes[term];
        if (size) values[`size_${term}`] = tf.mean(size);
      }
      this.store(values, craftMs);
    });
  }

  /**
   * To be called after {@link write}: each attack by itself.
   *
   * @param names Of the attacks that `each` is of.
   */
  writeUnion(
    names: string[],
    each: Crafted[],
    crafted: Crafted | Judged | Worst,
  ): void {
    if (!this.logs) return;
    tidy(() => {
      const values: Record<string, tf.Tensor> = {};
      names.forEach((name, k) => {
        const {success, margin} = each[k] as Judged;
        values[`adv_acc_${name}`] = tf.sub(
          1,
          tf.mean(tf.cast(success, 'float32')),
        );
        values[`adv_margin_${name}`] = tf.mean(margin);
        if ('chosen' in crafted) {
          const chosen = tf.equal(crafted.chosen, k);
          values[`share_${name}`] = tf.mean(tf.cast(chosen, 'float32'));
        }
      });
      this.store(values);
    });
  }

  /**
   * For a batch that is not measured: the last one's values once more, since tfjs
   * divides its sums by the number of all batches.
   */
  writeAgain(craftMs?: number): void {
    if (craftMs !== undefined) this.last.craft_ms = craftMs;
    Object.assign(this.logs ?? {}, this.last);
  }

  writeSkipped(skipped: boolean): void {
    if (this.show.skipped && this.logs) {
      (this.logs as Record<string, unknown>).skipped = Number(skipped);
    }
  }

  private store(values: Record<string, tf.Tensor>, craftMs?: number): void {
    const stored = Object.fromEntries(
      Object.entries(values).map(([key, value]) => [
        key,
        // Kept scalars, as tfjs's own values, which are not yet synchronized.
        this.repeat ? value.dataSync()[0] : tf.keep(value),
      ]),
    );
    if (craftMs !== undefined) stored.craft_ms = craftMs;
    if (this.repeat) {
      Object.assign(this.last, stored);
      Object.assign(this.logs!, this.last);
    } else {
      Object.assign(this.logs!, stored);
    }
  }
}

/** A batch, and what attacks made of it. */
export interface CraftedBatch {
  images: tf.Tensor4D;
  labels: tf.Tensor;
  /** Of each image, one example or several. */
  crafted: Crafted;
  craftMs: number;
}

function measure(
  values: Record<string, tf.Tensor>,
  name: string,
  z: tf.Tensor2D,
  oneHot: tf.Tensor2D,
): void {
  const loss = tf.neg(tf.sum(tf.mul(tf.logSoftmax(z), oneHot), 1));
  const right = tf.logicalNot(misclassified(z, oneHot));
  values[`${name}_acc`] = tf.mean(tf.cast(right, 'float32'));
  values[`${name}_loss`] = tf.mean(loss);
  values[`${name}_margin`] = tf.mean(margin(z, oneHot));
}
