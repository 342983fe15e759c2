import * as tf from '@tensorflow/tfjs';
import {attack as makeAttack, type Attack} from '../attacks/attack.js';
import {checkLayersModel} from '../attacks/logits.js';
import {type AttackOptions, trainingOptions} from '../attacks/options.js';
import {parseSpec} from '../attacks/spec.js';
import type {ThreatModel} from '../attacks/threat_model.js';
import type {TrainingObjective} from '../defenses/objective.js';
import type {SummaryWriter} from '../tensorboard/summary_writer.js';
import {AttackLog} from './attack_log.js';
import {
  setTrainer,
  type TrainableModel,
  type TrainData,
  type TrainFunction,
} from './fit_interception.js';
import {BatchLogs} from './batch_logs.js';
import {objectiveStep} from './objective_step.js';
import {TensorBoardCallback} from './tensor_board.js';

/** Options of {@link adversarialTraining}: the attack, how it searches, and how its examples are used. */
export interface AdversarialTrainingArgs extends AttackOptions {
  /** A spec such as `C+S+D`, or a threat model; see {@link attack}. */
  attack: string | ThreatModel;
  /**
   * Attack steps for each batch. Default 10. Each costs about as much as half a
   * training step.
   */
  steps?: number;
  /**
   * Default for `adam`: 0.1/steps, so that few steps reach as far as the 100 of
   * 0.001 of an evaluation.
   */
  learningRate?: number;
  /**
   * `adversarial` (default): each batch is replaced by its adversarial examples.
   * `both`: it is doubled, clean and adversarial halves together.
   */
  mix?: 'adversarial' | 'both';
  /** What to minimise in place of the model's loss, for instance {@link trades}. */
  objective?: TrainingObjective;
  /** Bounds grow in equal steps to their full size in this many epochs. Default 0: full from the start. */
  warmUpEpochs?: number;
  /** Attack every k-th batch, beginning with the first, and train plainly on the others. Default 1. */
  every?: number;
  /**
   * Whether to log accuracy, loss and margin of the clean batch too, which costs
   * one forward pass. Default true.
   */
  cleanMetrics?: boolean;
  /**
   * Log everything for TensorBoard: a directory (Node only), or a summary writer,
   * for instance tfjs-node's `tf.node.summaryFileWriter(dir)`.
   */
  tensorBoard?: string | SummaryWriter;
}

/** @see adversarialTraining */
export class AdversarialTraining extends tf.CustomCallback {
  private readonly threatModel: ThreatModel;
  private readonly attackOptions: AttackOptions;
  private readonly every: number;
  private readonly warmUpEpochs: number;
  private attack: Attack;
  private readonly logs: BatchLogs;
  private readonly board: TensorBoardCallback | null;
  private readonly attackLog: AttackLog | null;

  constructor(private readonly args: AdversarialTrainingArgs) {
    super({});
    const {
      attack,
      mix = 'adversarial',
      objective,
      warmUpEpochs = 0,
      every = 1,
      cleanMetrics = true,
      tensorBoard,
      ...options
    } = checkArgs(args);
    this.args = {...args, mix};
    this.threatModel =
      typeof attack === 'string' ? parseSpec(attack, options.variant) : attack;
    this.attackOptions = trainingOptions({
      ...objective?.attackOptions(this.threatModel),
      ...Object.fromEntries(
        Object.entries(options).filter(([, value]) => value !== undefined),
      ),
    });
    this.warmUpEpochs = warmUpEpochs;
    this.every = every;
    // Made now, so that a bad option is an error now.
    this.attack = makeAttack(this.threatModel, this.attackOptions);
    this.logs = new BatchLogs(Object.keys(termNames(this.threatModel)), {
      clean: cleanMetrics,
      repeat: every > 1,
    });
    this.board =
      tensorBoard === undefined
        ? null
        : new TensorBoardCallback(tensorBoard, {updateFreq: 'batch'});
    this.attackLog =
      tensorBoard === undefined ? null : new AttackLog(tensorBoard);
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
    await this.attackLog?.begin(this.attack, this.args, this.threatModel);
  }

  /** @internal */
  override async onEpochBegin(epoch: number, logs?: tf.Logs) {
    const scale =
      this.warmUpEpochs > 0 ? Math.min(1, (epoch + 1) / this.warmUpEpochs) : 1;
    this.attack = makeAttack(
      scale === 1 ? this.threatModel : this.threatModel.with({scale}),
      this.attackOptions,
    );
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
    const sampleWeights = (data[2] ?? null) as tf.Tensor1D | null;
    const classifier = model as unknown as tf.LayersModel;
    const started = performance.now();
    const crafted = this.perBatchAttack(step).perturb(
      classifier,
      images,
      labels,
    );
    const craftMs = performance.now() - started;
    try {
      this.logs.write(classifier, images, labels, crafted, craftMs);
      this.attackLog?.write(images, crafted);
      const {adversarial} = crafted;
      if (this.args.objective) {
        const batch = {images, labels, sampleWeights};
        return objectiveStep(model, this.args.objective, batch, adversarial);
      }
      if (this.args.mix !== 'both')
        return plain([adversarial, ...data.slice(1)]);
      const doubled = [
        tf.concat([images, adversarial]),
        tf.concat([labels, labels]),
        ...data.slice(2).map(w => w && tf.concat([w, w])),
      ];
      try {
        return plain(doubled);
      } finally {
        doubled.forEach(t => t?.dispose());
      }
    } finally {
      tf.dispose(crafted as unknown as tf.TensorContainer);
    }
  }

  /** With a seed, each batch draws other random numbers, and each run the same ones. */
  private perBatchAttack(step: number): Attack {
    const {seed} = this.attackOptions;
    return seed === undefined
      ? this.attack
      : makeAttack(this.attack.threatModel, {
          ...this.attackOptions,
          seed: seed + step,
        });
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

function checkArgs(args: AdversarialTrainingArgs): AdversarialTrainingArgs {
  if (!args?.attack) {
    throw new Error(
      "adversarialTraining needs an attack, for instance {attack: 'C+S+D'}.",
    );
  }
  const {mix, objective, warmUpEpochs = 0, every = 1} = args;
  if (mix !== undefined && mix !== 'adversarial' && mix !== 'both') {
    throw new Error(
      `adversarialTraining: mix must be 'adversarial' or 'both', but is ${JSON.stringify(mix)}.`,
    );
  }
  if (
    objective !== undefined &&
    (typeof objective?.attackOptions !== 'function' ||
      typeof objective.compute !== 'function')
  ) {
    throw new Error(
      'adversarialTraining: objective must be a training objective such as trades().',
    );
  }
  if (objective && mix === 'both') {
    throw new Error(
      "adversarialTraining: an objective decides itself what to do with clean examples; leave out mix: 'both'.",
    );
  }
  if (args.targeted) {
    throw new Error(
      'adversarialTraining: training labels are the true classes, so the attack cannot be targeted.',
    );
  }
  const {cleanMetrics = true} = args;
  if (typeof cleanMetrics !== 'boolean') {
    throw new Error(
      `adversarialTraining: cleanMetrics must be true or false, but is ${JSON.stringify(cleanMetrics)}.`,
    );
  }
  if (!Number.isSafeInteger(every) || every < 1) {
    throw new Error(
      `adversarialTraining: every must be a whole number of at least 1, but is ${every}.`,
    );
  }
  if (!(Number.isFinite(warmUpEpochs) && warmUpEpochs >= 0)) {
    throw new Error(
      `adversarialTraining: warmUpEpochs must be a number of at least 0, but is ${warmUpEpochs}.`,
    );
  }
  return args;
}

/** The names of a threat model's terms, found by looking at a perturbation of size 0. */
function termNames(threatModel: ThreatModel): Record<string, unknown> {
  return tf.tidy(() => {
    const image = tf.zeros([1, 2, 2, 3]) as tf.Tensor4D;
    const sizes = threatModel.sizes(threatModel.zeros(image));
    return Object.fromEntries(Object.keys(sizes).map(name => [name, 0]));
  });
}
