import * as tf from '@tensorflow/tfjs';
import type {Attack, Perturbed} from '../attacks/attack.js';
import {logits} from '../models/logits.js';
import {margin} from '../attacks/losses.js';
import type {Worst} from './union.js';
import {oneHotLabels} from '../data/validate.js';
import type {UnionMode} from './adversarial_training_args.js';

/**
 * Adds what an attack did to a batch to tfjs's logs.
 *
 * Keys that appear at a batch's end never reach the epoch's logs, History or the
 * progress bar. So they are announced among the metrics when training begins,
 * and written into the logs object that a batch begins with; tfjs then averages
 * them as it does its own.
 */
export class BatchLogs {
  private readonly keys: string[];
  private logs: tf.Logs | undefined;
  private last: Record<string, unknown> = {};

  constructor(
    private readonly terms: string[],
    private readonly show: {
      clean: boolean;
      /** Some batches are not attacked, and repeat the last one's values. */
      repeat: boolean;
      union?: {mode: UnionMode; names: string[]};
    },
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
    ];
  }

  announce(params: {metrics?: string[]}): void {
    for (const key of this.keys) {
      if (params.metrics && !params.metrics.includes(key)) {
        params.metrics.push(key);
      }
    }
  }

  begin(logs: tf.Logs | undefined): void {
    this.logs = logs;
  }

  write(
    model: tf.LayersModel,
    {images, labels, crafted, craftMs}: CraftedBatch,
  ): void {
    if (!this.logs) return;
    tf.tidy(() => {
      const values: Record<string, tf.Tensor> = {};
      const z = logits(model, crafted.adversarial);
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

  /** To be called after {@link write}: each attack by itself. */
  writeUnion(
    attacks: Attack[],
    each: Perturbed[],
    crafted: Perturbed | Worst,
  ): void {
    if (!this.logs) return;
    tf.tidy(() => {
      const values: Record<string, tf.Tensor> = {};
      attacks.forEach(({name}, k) => {
        const {success, margin} = each[k];
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
   * For a batch that is not attacked: the last one's values once more, since tfjs
   * divides its sums by the number of all batches.
   */
  writeAgain(): void {
    Object.assign(this.logs ?? {}, this.last);
  }

  private store(values: Record<string, tf.Tensor>, craftMs?: number): void {
    const repeat = this.show.repeat || this.show.union?.mode === 'random';
    const stored = Object.fromEntries(
      Object.entries(values).map(([key, value]) => [
        key,
        // Kept scalars, as tfjs's own values, which nobody has waited for yet.
        repeat ? value.dataSync()[0] : tf.keep(value),
      ]),
    );
    if (craftMs !== undefined) stored.craft_ms = craftMs;
    if (repeat) {
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
  crafted: Perturbed;
  craftMs: number;
}

function measure(
  values: Record<string, tf.Tensor>,
  name: string,
  z: tf.Tensor2D,
  oneHot: tf.Tensor2D,
): void {
  const m = margin(z, oneHot);
  const loss = tf.neg(tf.sum(tf.mul(tf.logSoftmax(z), oneHot), 1));
  values[`${name}_acc`] = tf.mean(tf.cast(tf.greaterEqual(m, 0), 'float32'));
  values[`${name}_loss`] = tf.mean(loss);
  values[`${name}_margin`] = tf.mean(m);
}
