import * as tf from '@tensorflow/tfjs';
import {checkLayersModel} from '../models/logits.js';
import {
  type AdversarialTrainingArgs,
  checkArgs,
} from '../training/adversarial_training_args.js';
import {Adversaries} from '../training/adversaries.js';
import {AttackLog} from '../training/attack_log.js';
import {
  setTrainer,
  type TrainableModel,
  type TrainData,
  type TrainFunction,
} from '../tfjs/train_function.js';
import {BatchLogs} from '../training/batch_logs.js';
import {type Batch, objectiveStep} from '../training/objective_step.js';
import {TensorBoardCallback} from './tensor_board.js';

export type {AdversarialTrainingArgs};

/** @see adversarialTraining */
export class AdversarialTraining extends tf.CustomCallback {
  private readonly adversaries: Adversaries;
  private readonly every: number;
  private readonly warmUpEpochs: number;
  private readonly logs: BatchLogs;
  private readonly board: TensorBoardCallback | null;
  private readonly attackLog: AttackLog | null;

  constructor(private readonly args: AdversarialTrainingArgs) {
    super({});
    const {
      attack,
      union,
      mix = 'adversarial',
      objective,
      warmUpEpochs = 0,
      every = 1,
      cleanMetrics = true,
      tensorBoard,
      initialBatch,
      ...options
    } = checkArgs(args);
    this.args = {...args, mix};
    this.adversaries = new Adversaries(attack, union, options, objective);
    this.warmUpEpochs = warmUpEpochs;
    this.every = every;
    const {attacks} = this.adversaries;
    this.logs = new BatchLogs(this.adversaries.terms(), {
      clean: cleanMetrics,
      repeat: every > 1,
      union: this.adversaries.union && {
        mode: this.adversaries.union,
        names: attacks.map(({name}) => name),
      },
    });
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

  /** @internal */
  override setParams(params: Parameters<tf.CustomCallback['setParams']>[0]) {
    super.setParams(params);
    this.logs.announce(params as {metrics?: string[]});
    this.board?.setParams(params);
  }

  /** @internal */
  override setModel(model: Parameters<tf.CustomCallback['setModel']>[0]) {
    super.setModel(model);
    checkLayersModel(model as unknown as tf.LayersModel);
    setTrainer(model, (m, data, plain) => this.trainStep(m, data, plain));
    this.board?.setModel(model);
  }

  /** @internal */
  override async onTrainBegin(logs?: tf.Logs) {
    // After a plain object in a list of callbacks tfjs takes every further one
    // for a plain object too, copies its methods, and never calls setModel.
    if (!(this instanceof AdversarialTraining)) {
      throw new Error(
        'adversarialTraining must not come after a plain object in callbacks, where tfjs ignores it. ' +
          'Write the plain object as new tf.CustomCallback({...}).',
      );
    }
    await super.onTrainBegin(logs);
    await this.board?.onTrainBegin(logs);
    const {attacks} = this.adversaries;
    const [{options}] = attacks;
    const name = attacks.map(attack => attack.name).join(' | ');
    const initialEpoch = Number(this.params?.initialEpoch ?? 0);
    await this.attackLog?.begin(name, options, this.args, initialEpoch);
  }

  /** @internal */
  override async onEpochBegin(epoch: number, logs?: tf.Logs) {
    const scale =
      this.warmUpEpochs > 0 ? Math.min(1, (epoch + 1) / this.warmUpEpochs) : 1;
    this.adversaries.scale(scale);
    this.attackLog?.beginEpoch(epoch);
    await super.onEpochBegin(epoch, logs);
  }

  /** @internal */
  override async onBatchBegin(batch: number, logs?: tf.Logs) {
    this.logs.begin(logs);
    await super.onBatchBegin(batch, logs);
  }

  /** @internal */
  override async onBatchEnd(batch: number, logs?: tf.Logs) {
    await super.onBatchEnd(batch, logs);
    await this.board?.onBatchEnd(batch, logs);
  }

  /** @internal */
  override async onEpochEnd(epoch: number, logs?: tf.Logs) {
    await super.onEpochEnd(epoch, logs);
    await this.board?.onEpochEnd(epoch, logs);
    this.attackLog?.endEpoch();
  }

  /** @internal */
  override async onTrainEnd(logs?: tf.Logs) {
    await super.onTrainEnd(logs);
    await this.board?.onTrainEnd(logs);
    this.attackLog?.end();
  }

  /** The training step on one batch: craft in inference mode, update in training mode. */
  private trainStep(
    model: TrainableModel,
    data: TrainData,
    plain: TrainFunction,
  ): tf.Scalar[] {
    // Counted by the optimizer, whose count is saved with its state: a run that
    // goes on where it stopped attacks the same batches with the same numbers.
    const step = model.optimizer.iterations;
    if (step % this.every !== 0) {
      this.logs.writeAgain();
      return plain(data);
    }
    const [images, labels] = data as [tf.Tensor4D, tf.Tensor2D];
    const weights = (data[2] ?? null) as tf.Tensor1D | null;
    const classifier = model as unknown as tf.LayersModel;
    const {union} = this.adversaries;
    const started = performance.now();
    const attacks = this.adversaries.ofBatch(step);
    const each = attacks.map(a => a.perturb(classifier, images, labels));
    const crafted = this.adversaries.combine(each);
    const craftMs = performance.now() - started;
    const made: tf.Tensor[] = [];
    /** One copy for each of the attacks whose examples are stacked. */
    const copies = <T extends tf.Tensor | null>(t: T): T => {
      if (union !== 'mean' || !t) return t;
      made.push(tf.concat(each.map(() => t) as tf.Tensor[]));
      return made[made.length - 1] as T;
    };
    try {
      const own: Batch = {
        images: copies(images),
        labels: copies(labels),
        sampleWeights: copies(weights),
      };
      this.logs.write(classifier, {images, labels, crafted, craftMs});
      if (union) this.logs.writeUnion(attacks, each, crafted);
      this.attackLog?.write(own.images, crafted);
      const {adversarial} = crafted;
      if (this.args.objective) {
        return objectiveStep(model, this.args.objective, own, adversarial);
      }
      const rest = [own.labels, own.sampleWeights].slice(0, data.length - 1);
      if (this.args.mix !== 'both') return plain([adversarial, ...rest]);
      const doubled = [adversarial, ...rest].map((t, i) => {
        if (!t) return t;
        made.push(tf.concat([data[i]!, t]));
        return made[made.length - 1];
      });
      return plain(doubled);
    } finally {
      tf.dispose([made, each, crafted] as unknown as tf.TensorContainer);
    }
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
