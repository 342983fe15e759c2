import * as tf from '@tensorflow/tfjs';
import {attack as makeAttack} from '../attacks/attack.js';
import type {AttackOptions} from '../attacks/options.js';
import {tidy} from '../ops/tidy.js';
import {Snapshot, type SnapshotTensors} from '../tfjs/snapshot.js';
import type {TrainableModel} from '../tfjs/train_function.js';
import type {Adversaries} from './adversaries.js';
import {judge} from './adversary.js';

/**
 * What {@link AdversarialTrainingArgs.guard} compares at the end of each epoch, on
 * the weights in training: the accuracy under the single step that training
 * crafts with, `fast_acc`, and under PGD with steps along the gradient's sign on
 * cross-entropy, `pgd_acc`. Catastrophic overfitting (Wong et al. 2020) is where
 * the first rises and the second falls to nothing.
 */
export interface GuardArgs {
  /** [N, H, W, C], preferably not trained on. Default: the first 128 of the first batch. */
  images?: tf.Tensor4D;
  /** Their labels. */
  labels?: tf.Tensor;
  /** Steps of PGD. Default 10. */
  steps?: number;
}

/** What a guard knows; see {@link AdversarialTrainingState}. */
export interface GuardState {
  /** The best accuracy under PGD so far, of each attack. */
  best: Array<number | null>;
  /** How many times as many steps as given are taken. */
  factor: number;
  /** Whether the next batch begins from `good`. */
  pending?: boolean;
  /** The last good epoch's model and optimizer, where they may be restored. */
  good?: SnapshotTensors;
}

/** By how much the accuracies part where PGD's has fallen. */
const GAP = 0.2;
/** And where it was never better, as from the first epoch on. */
const LARGE_GAP = 0.4;
/** Steps are doubled so often at most. */
const MOST = 8;
const DEFAULT_SIZE = 128;

/** Notices catastrophic overfitting, and may take it back. */
export class OverfittingGuard {
  readonly keys: string[];
  private batch: {images: tf.Tensor4D; labels: tf.Tensor} | null = null;
  private latest: Snapshot | null = null;
  private good: Snapshot | null = null;
  private pending = false;
  private factor = 1;
  private best: Array<number | null>;
  private readonly steps: number;
  private readonly attackOptions: AttackOptions;

  /** @throws Error if an option is not allowed. */
  constructor(
    private readonly args: GuardArgs,
    private readonly adversaries: Adversaries,
    private readonly policy: 'warn' | 'restore',
    {smoothnessWeight, variant}: AttackOptions,
  ) {
    const {steps = 10, images, labels} = args;
    if (!images !== !labels) {
      throw new Error(
        'adversarialTraining: guard needs images and labels, or neither.',
      );
    }
    if (!Number.isSafeInteger(steps) || steps < 1) {
      throw new Error(
        `adversarialTraining: guard.steps must be a whole number of at least 1, but is ${steps}.`,
      );
    }
    this.steps = steps;
    this.attackOptions = {
      steps,
      smoothnessWeight,
      variant,
      optimizer: 'sign',
      loss: 'crossEntropy',
    };
    const {names, union} = adversaries;
    this.best = names.map(() => null);
    this.keys = union
      ? names.flatMap(name => [`fast_acc_${name}`, `pgd_acc_${name}`])
      : ['fast_acc', 'pgd_acc'];
  }

  begin(model: TrainableModel, state?: GuardState): void {
    this.dispose();
    this.factor = state?.factor ?? 1;
    this.best = this.adversaries.names.map((_, k) => state?.best[k] ?? null);
    this.pending = state?.pending ?? false;
    this.adversaries.setSteps(this.factor);
    if (this.policy !== 'restore') return;
    this.good = new Snapshot(model, state?.good);
  }

  /** To be called with each batch before its update. */
  beforeUpdate(images: tf.Tensor4D, labels: tf.Tensor): void {
    if (this.pending) {
      this.good?.restore();
      this.pending = false;
    }
    if (this.batch || this.args.images) return;
    const size = Math.min(DEFAULT_SIZE, images.shape[0]);
    const [first, own] = [images, labels].map(t =>
      tf.keep(tf.slice(t, 0, size)),
    );
    this.batch = {images: first as tf.Tensor4D, labels: own};
  }

  /** To be called after each update: an average may take the weights' place before the epoch's end. */
  afterUpdate(model: TrainableModel): void {
    this.latest?.dispose();
    this.latest = new Snapshot(model);
  }

  /** Measures, logs, and acts. */
  async endEpoch(
    model: TrainableModel,
    logs: tf.Logs | undefined,
    epoch: number,
  ): Promise<void> {
    const {images, labels} = this.args.images
      ? (this.args as {images: tf.Tensor4D; labels: tf.Tensor})
      : (this.batch ?? {});
    const {latest} = this;
    if (!images || !labels || !latest) return;
    const shown = new Snapshot(model);
    let found: Array<{fast: number; pgd: number}>;
    try {
      latest.restoreWeights();
      found = await this.measure(model, images, labels);
    } finally {
      shown.restoreWeights();
    }
    const values = found.flatMap(({fast, pgd}) => [fast, pgd]);
    this.keys.forEach((key, i) => logs && (logs[key] = values[i]));
    const collapsed = found.map(
      ({fast, pgd}, k) =>
        (fast - pgd > GAP && pgd < (this.best[k] ?? 0) / 2) ||
        (fast - pgd > LARGE_GAP && pgd < fast / 5),
    );
    const which = collapsed.indexOf(true);
    if (which >= 0) {
      this.act(shown.sameWeights(latest), found[which], epoch);
    } else if (this.adversaries.scale === 1) {
      // Bounds that still grow make all accuracies fall.
      found.forEach(({pgd}, k) => {
        this.best[k] = Math.max(pgd, this.best[k] ?? 0);
      });
    }
    if (which < 0 && this.policy === 'restore') {
      this.good?.dispose();
      this.good = latest;
      this.latest = null;
    }
    shown.dispose();
  }

  /** To go on from; its tensors are the caller's. */
  state(): GuardState {
    const {best, factor, pending, good} = this;
    return {
      best: [...best],
      factor,
      pending,
      ...(good && {good: good.tensors()}),
    };
  }

  dispose(): void {
    this.latest?.dispose();
    this.good?.dispose();
    if (this.batch) tf.dispose([this.batch.images, this.batch.labels]);
    this.latest = this.good = this.batch = null;
    this.pending = false;
  }

  private async measure(
    model: TrainableModel,
    images: tf.Tensor4D,
    labels: tf.Tensor,
  ): Promise<Array<{fast: number; pgd: number}>> {
    const classifier = model as unknown as tf.LayersModel;
    const accuracies = this.adversaries.current.flatMap(adversary => {
      const single = judge(
        adversary.craft(classifier, images, labels, 0),
        classifier,
        labels,
      );
      const pgd = makeAttack(
        adversary.threatModel,
        defined(this.attackOptions),
      ).perturb(classifier, images, labels as tf.Tensor2D);
      const shares = [single, pgd].map(({success}) =>
        tidy(() => tf.sub(1, tf.mean(tf.cast(success, 'float32')))),
      );
      tf.dispose([single, pgd] as unknown as tf.TensorContainer);
      return shares;
    });
    const values = await Promise.all(
      accuracies.map(async t => (await t.data())[0]),
    );
    tf.dispose(accuracies);
    return this.adversaries.names.map((_, k) => ({
      fast: values[2 * k],
      pgd: values[2 * k + 1],
    }));
  }

  /** @param inModel whether the model holds the weights in training. */
  private act(
    inModel: boolean,
    {fast, pgd}: {fast: number; pgd: number},
    epoch: number,
  ): void {
    const seen =
      `adversarialTraining: catastrophic overfitting in epoch ${epoch + 1}: ` +
      `accuracy is ${fast.toFixed(2)} under the single step but ${pgd.toFixed(2)} under PGD of ${this.steps} steps. `;
    if (this.policy === 'restore' && this.good && this.factor < MOST) {
      this.factor *= 2;
      this.adversaries.setSteps(this.factor);
      // An average in the weights' place would be overwritten now.
      if (inModel) this.good.restore();
      else this.pending = true;
      console.warn(
        `${seen}Training goes on from the last good epoch with ${this.adversaries.steps} steps.`,
      );
      return;
    }
    console.warn(
      `${seen}Train again with steps: ${2 * this.adversaries.steps}, a lower learning rate or larger noise, ` +
        "or pass onOverfitting: 'restore'.",
    );
  }
}

function defined<T extends object>(options: T): T {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as T;
}
