import * as tf from '@tensorflow/tfjs';
import type {Perturbed} from '../attacks/attack.js';
import {logits} from '../attacks/logits.js';
import {margin} from '../attacks/losses.js';
import {oneHotLabels} from '../attacks/validate.js';

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
    private readonly show: {clean: boolean; repeat: boolean},
  ) {
    this.keys = [
      ...(show.clean ? ['clean_acc', 'clean_loss', 'clean_margin'] : []),
      'adv_acc',
      'adv_loss',
      'adv_margin',
      ...terms.map(term => `size_${term}`),
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
    images: tf.Tensor4D,
    labels: tf.Tensor,
    crafted: Perturbed,
    craftMs: number,
  ): void {
    if (!this.logs) return;
    tf.tidy(() => {
      const values: Record<string, tf.Tensor> = {};
      const seen: Array<[string, tf.Tensor4D]> = [['adv', crafted.adversarial]];
      if (this.show.clean) seen.push(['clean', images]);
      for (const [name, batch] of seen) {
        const z = logits(model, batch);
        const oneHot = oneHotLabels(labels, ...(z.shape as [number, number]));
        const m = margin(z, oneHot);
        const correct = tf.cast(tf.greaterEqual(m, 0), 'float32');
        const loss = tf.neg(tf.sum(tf.mul(tf.logSoftmax(z), oneHot), 1));
        values[`${name}_acc`] = tf.mean(correct);
        values[`${name}_loss`] = tf.mean(loss);
        values[`${name}_margin`] = tf.mean(m);
      }
      for (const term of this.terms) {
        values[`size_${term}`] = tf.mean(crafted.sizes[term]);
      }
      this.store(values, craftMs);
    });
  }

  /**
   * For a batch that is not attacked: the last one's values once more, since tfjs
   * divides its sums by the number of all batches.
   */
  writeAgain(): void {
    Object.assign(this.logs ?? {}, this.last);
  }

  private store(values: Record<string, tf.Tensor>, craftMs: number): void {
    const stored = Object.entries(values).map(([key, value]) => [
      key,
      // Kept scalars, as tfjs's own values, which nobody has waited for yet.
      this.show.repeat ? value.dataSync()[0] : tf.keep(value),
    ]);
    this.last = {...Object.fromEntries(stored), craft_ms: craftMs};
    Object.assign(this.logs!, this.last);
    if (!this.show.repeat) this.last = {};
  }
}
