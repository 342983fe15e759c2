import type * as tf from '@tensorflow/tfjs';
import {setLearningRate} from '../tfjs/optimizer_fields.js';
import {FitCallback} from './fit_callback.js';

/** The learning rate of each update, counted from 0. */
export type Schedule = (step: number) => number;

/** Options of {@link cosine} and {@link oneCycle}. */
export interface CosineArgs {
  /** The highest learning rate. */
  peak: number;
  /** Updates in all; after them the rate stays at its end. */
  steps: number;
  /** Updates in which the rate rises in equal steps from `start`. Default 0. */
  warmUp?: number;
  /** Where it rises from. Default 0. */
  start?: number;
  /** Where it falls to. Default 0. */
  end?: number;
}

/**
 * Up in a line, down along half a cosine:
 * `end + (peak − end) · (1 + cos πt) / 2` (Loshchilov & Hutter 2017, eq. 5,
 * without restarts).
 *
 * @throws Error if a number is out of its range.
 */
export function cosine({
  peak,
  steps,
  warmUp = 0,
  start = 0,
  end = 0,
}: CosineArgs): Schedule {
  check('peak', peak, peak > 0);
  check('steps', steps, Number.isSafeInteger(steps) && steps > 0);
  check('warmUp', warmUp, warmUp >= 0 && warmUp < steps);
  check('start', start, start >= 0);
  check('end', end, end >= 0);
  return step => {
    if (step < warmUp) return start + ((peak - start) * (step + 1)) / warmUp;
    const t = Math.min(1, (step - warmUp) / (steps - warmUp));
    return end + ((peak - end) * (1 + Math.cos(Math.PI * t))) / 2;
  };
}

/**
 * One cycle: from `peak`/25 up to `peak` in the first three tenths of the
 * updates, then down along half a cosine (Smith & Topin 2018, with the shape and
 * the numbers that PyTorch's `OneCycleLR` made usual, but a straight rise).
 */
export function oneCycle({peak, steps, ...rest}: CosineArgs): Schedule {
  return cosine({
    peak,
    steps,
    warmUp: Math.floor(0.3 * steps),
    start: peak / 25,
    ...rest,
  });
}

/** Options of {@link stepDecay}. */
export interface StepDecayArgs {
  /** The learning rate at first. */
  peak: number;
  /** Updates after which the rate is multiplied by `factor`, in rising order. */
  milestones: number[];
  /** Default 0.1. */
  factor?: number;
}

/** The rate falls at each milestone, as He et al. 2016, section 4.2, have it. */
export function stepDecay({
  peak,
  milestones,
  factor = 0.1,
}: StepDecayArgs): Schedule {
  check('peak', peak, peak > 0);
  check('factor', factor, factor > 0 && factor < 1);
  milestones.forEach((m, i) =>
    check('milestones', m, m >= 0 && (i === 0 || m > milestones[i - 1])),
  );
  return step => peak * factor ** milestones.filter(m => step >= m).length;
}

/** @see learningRate */
export class LearningRate extends FitCallback {
  constructor(private readonly schedule: Schedule) {
    super('learningRate');
    if (typeof schedule !== 'function') {
      throw new Error(
        'learningRate needs a schedule, for instance oneCycle({peak: 0.1, steps: 1000}).',
      );
    }
  }

  /** @internal */
  override setParams(params: Parameters<tf.CustomCallback['setParams']>[0]) {
    super.setParams(params);
    this.announce(params, KEY);
  }

  /** @internal */
  override async onBatchBegin(batch: number, logs?: tf.Logs) {
    const {optimizer} = this.model!;
    const rate = this.schedule(optimizer.iterations);
    if (!(Number.isFinite(rate) && rate >= 0)) {
      throw new Error(
        `A learning rate must be a number of at least 0, but the schedule gave ${rate} for update ${optimizer.iterations}.`,
      );
    }
    setLearningRate(optimizer, rate);
    if (logs) logs[KEY] = rate;
    await super.onBatchBegin(batch, logs);
  }
}

const KEY = 'learning_rate';

/**
 * Sets the learning rate before each update of `fit` or `fitDataset`.
 *
 * ```js
 * callbacks: [learningRate(oneCycle({peak: 0.1, steps: 5 * batchesPerEpoch}))]
 * ```
 *
 * Updates are counted by the optimizer, whose count is saved with its state: a
 * run that goes on where it stopped goes on in the schedule too. The rate is
 * logged as `learning_rate`.
 *
 * @throws Error from `fit` if the optimizer has no learning rate, or the
 *     schedule gives none.
 */
export function learningRate(schedule: Schedule): LearningRate {
  return new LearningRate(schedule);
}

function check(name: string, value: number, valid: boolean): void {
  if (!valid || !Number.isFinite(value)) {
    throw new Error(`A learning rate schedule cannot have ${name} = ${value}.`);
  }
}
