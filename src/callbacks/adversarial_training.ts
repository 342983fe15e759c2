import type * as tf from '@tensorflow/tfjs';
import {checkLayersModel} from '../models/logits.js';
import {
  setTrainer,
  type TrainableModel,
  type TrainData,
  type TrainFunction,
} from '../tfjs/train_function.js';
import {installWasmKernels} from '../tfjs/wasm_kernels.js';
import {Adversaries} from '../training/adversaries.js';
import {
  type AdversarialTrainingArgs,
  type AdversarialTrainingState,
  checkArgs,
} from '../training/adversarial_training_args.js';
import {AttackLog} from '../training/attack_log.js';
import {BatchLogs} from '../training/batch_logs.js';
import {FiniteCheck} from '../training/finite_check.js';
import {OverfittingGuard} from '../training/overfitting_guard.js';
import {trainingStep} from '../training/training_step.js';
import {FitCallback} from './fit_callback.js';
import {FitProgress} from './fit_progress.js';
import {TensorBoardCallback} from './tensor_board.js';

export type {AdversarialTrainingArgs, AdversarialTrainingState};

/** @see adversarialTraining */
export class AdversarialTraining extends FitCallback {
  private readonly adversaries: Adversaries;
  private readonly logs: BatchLogs;
  private readonly board: TensorBoardCallback | null;
  private readonly attackLog: AttackLog | null;
  private readonly finite: FiniteCheck;
  private readonly guard: OverfittingGuard | null;
  private readonly progress: FitProgress;
  private epoch = 0;
  private batch = 0;

  constructor(private readonly args: AdversarialTrainingArgs) {
    super('adversarialTraining');
    const {
      /* eslint-disable @typescript-eslint/no-unused-vars */
      attack,
      union,
      mix = 'adversarial',
      objective,
      crafting,
      labelSmoothing,
      awp,
      warmUpEpochs,
      initialState,
      /* eslint-enable @typescript-eslint/no-unused-vars */
      every = 1,
      cleanMetrics,
      metricsEvery,
      guard,
      onOverfitting = 'warn',
      onNonFinite = 'stop',
      progress,
      tensorBoard,
      initialBatch,
      ...options
    } = checkArgs(args);
    this.adversaries = new Adversaries(args, options);
    const {fast, names} = this.adversaries;
    this.args = {
      ...args,
      mix,
      every,
      cleanMetrics: cleanMetrics ?? !fast,
      metricsEvery: metricsEvery ?? (fast ? 10 : 1),
    };
    this.logs = new BatchLogs(this.adversaries.terms(), {
      clean: this.args.cleanMetrics!,
      repeat: every > 1 || this.args.metricsEvery! > 1,
      skipped: onNonFinite === 'skip',
      union: this.adversaries.union && {mode: this.adversaries.union, names},
    });
    this.finite = new FiniteCheck(onNonFinite);
    this.progress = new FitProgress(progress);
    this.guard =
      (guard ?? fast !== null)
        ? new OverfittingGuard(
            typeof guard === 'object' ? guard : {},
            this.adversaries,
            onOverfitting,
            options,
          )
        : null;
    this.board =
      tensorBoard === undefined
        ? null
        : new TensorBoardCallback(tensorBoard, {
            updateFreq: 'batch',
            initialBatch,
          });
    this.attackLog =
      tensorBoard === undefined
        ? null
        : new AttackLog(tensorBoard, initialBatch !== undefined);
  }

  /**
   * What a run that goes on needs beside model and optimizer, as `initialState`.
   * Its tensors, if any, are the caller's to dispose.
   */
  state(): AdversarialTrainingState {
    return {
      robustAccuracy: this.adversaries.robustAccuracy(),
      logs: this.logs.state(),
      ...(this.guard && {guard: this.guard.state()}),
    };
  }

  /** @internal */
  override setParams(params: Parameters<tf.CustomCallback['setParams']>[0]) {
    super.setParams(params);
    this.announce(params, ...this.logs.keys);
    this.board?.setParams(params);
    this.progress.setParams(params);
  }

  /** @internal */
  override setModel(model: Parameters<tf.CustomCallback['setModel']>[0]) {
    super.setModel(model);
    checkLayersModel(this.model!);
    installWasmKernels();
    setTrainer(model, (m, data, plain) => this.trainStep(m, data, plain));
    this.board?.setModel(model);
  }

  /** @internal */
  override async onTrainBegin(logs?: tf.Logs) {
    await super.onTrainBegin(logs);
    await this.board?.onTrainBegin(logs);
    const {initialState} = this.args;
    this.adversaries.setRobustAccuracy(initialState?.robustAccuracy);
    this.logs.restore(initialState?.logs);
    this.finite.dispose();
    this.guard?.begin(this.trainable(), initialState?.guard);
    const {metrics} = this.params as unknown as {metrics?: string[]};
    await this.attackLog?.begin(this.adversaries, this.args, {
      initialEpoch: Number(this.params?.initialEpoch ?? 0),
      metrics: [...(metrics ?? []), ...(this.guard?.keys ?? [])],
    });
    await this.progress.onTrainBegin(logs);
  }

  /** @internal */
  override async onEpochBegin(epoch: number, logs?: tf.Logs) {
    const {warmUpEpochs = 0} = this.args;
    this.adversaries.setScale(
      warmUpEpochs > 0 ? Math.min(1, (epoch + 1) / warmUpEpochs) : 1,
    );
    this.epoch = epoch;
    this.attackLog?.beginEpoch(epoch);
    await super.onEpochBegin(epoch, logs);
    await this.progress.onEpochBegin(epoch, logs);
  }

  /** @internal */
  override async onBatchBegin(batch: number, logs?: tf.Logs) {
    this.batch = batch;
    this.logs.begin(logs);
    await super.onBatchBegin(batch, logs);
  }

  /** @internal */
  override async onBatchEnd(batch: number, logs?: tf.Logs) {
    await super.onBatchEnd(batch, logs);
    await this.board?.onBatchEnd(batch, logs);
    await this.progress.onBatchEnd(batch, logs);
  }

  /** @internal */
  override async onEpochEnd(epoch: number, logs?: tf.Logs) {
    await super.onEpochEnd(epoch, logs);
    await this.guard?.endEpoch(this.trainable(), logs, epoch);
    await this.board?.onEpochEnd(epoch, logs);
    this.attackLog?.endEpoch();
    await this.progress.onEpochEnd(epoch, logs);
  }

  /** @internal */
  override async onTrainEnd(logs?: tf.Logs) {
    await super.onTrainEnd(logs);
    this.finite.dispose();
    this.guard?.dispose();
    await this.board?.onTrainEnd(logs);
    this.attackLog?.end();
    await this.progress.onTrainEnd(logs);
  }

  private trainable(): TrainableModel {
    return this.model as unknown as TrainableModel;
  }

  private trainStep(
    model: TrainableModel,
    data: TrainData,
    plain: TrainFunction,
  ): tf.Scalar[] {
    const [images, labels] = data as [tf.Tensor4D, tf.Tensor];
    this.guard?.beforeUpdate(images, labels);
    const place = `batch ${this.batch + 1} of epoch ${this.epoch + 1}`;
    const step = () =>
      trainingStep(
        {
          args: this.args,
          adversaries: this.adversaries,
          logs: this.logs,
          attackLog: this.attackLog,
        },
        model,
        data,
        plain,
      );
    const {values, skipped} = this.progress.during(() =>
      this.finite.run(model, place, step),
    );
    this.logs.writeSkipped(skipped);
    this.guard?.afterUpdate(model);
    return values;
  }
}

/**
 * Adversarial training: replaces every batch of `model.fit` or `fitDataset`, on
 * the fly, by examples that fool the model as it stands, so that it learns to
 * resist them.
 *
 * ```js
 * await model.fit(x, y, {
 *   epochs: 30,
 *   callbacks: adversarialTraining({attack: 'C+S+D'}),
 * });
 * ```
 *
 * Images are [N, H, W, C] in [0, 1]; the model has one input and one output, a
 * softmax or logits; labels are class indices or one-hot. Examples are crafted
 * with the model in inference mode and its present weights; the update runs in
 * training mode with whatever loss, metrics, optimizer and class weights the
 * model and the fit have. A zero-step attack leaves training as it is without
 * this callback.
 *
 * These are added to `logs`, and so to History, the progress bar and TensorBoard,
 * averaged over the batches attacked: `clean_acc`, `clean_loss`, `clean_margin`,
 * `adv_acc`, `adv_loss`, `adv_margin` (accuracy, cross-entropy and margin of the
 * batch before its update, in inference mode), `size_D` and the like (the mean
 * size of each term's perturbation, in the units of its bound), and `craft_ms`.
 *
 * Of several attacks, those of `worst` are the chosen examples'; beside them come
 * `adv_acc_C` and `adv_margin_C` of each attack by itself, and for `worst`
 * `share_C`, the share of the examples that it was chosen for. With `random`, an
 * attack that was not drawn has the values of when it last was.
 *
 * One callback serves one fit at a time. Beside plain objects it must come
 * first, or they must be `tf.CustomCallback`s.
 *
 * Source: Madry et al. 2018, section 2; Laidlaw & Feizi 2019, section 5.
 *
 * @throws Error if an option is not allowed; from `fit`, before any update, if
 *     the model, the images or the labels have another form than said above.
 */
export function adversarialTraining(
  args: AdversarialTrainingArgs,
): AdversarialTraining {
  return new AdversarialTraining(args);
}
