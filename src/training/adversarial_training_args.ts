import type {AttackOptions} from '../attacks/options.js';
import type {ThreatModel} from '../attacks/threat_models/threat_model.js';
import type {TrainingObjective} from '../defenses/objective.js';
import {checkProgress, type ProgressOption} from '../progress/report.js';
import type {SummaryWriter} from '../tensorboard/summary_writer.js';
import type {Crafting} from './fast_args.js';
import type {GuardArgs, GuardState} from './overfitting_guard.js';

/** How several attacks are put together; see {@link AdversarialTrainingArgs.union}. */
export type UnionMode = 'worst' | 'mean' | 'random' | 'adaptive';

const UNIONS: readonly UnionMode[] = ['worst', 'mean', 'random', 'adaptive'];

/** Options of {@link adversarialTraining}: the attack, how it searches, and how its examples are used. */
export interface AdversarialTrainingArgs extends AttackOptions {
  /**
   * A spec such as `C+S+D`, or a threat model; see {@link attack}. Or a list of
   * them, to train against their `union`.
   */
  attack: string | ThreatModel | Array<string | ThreatModel>;
  /**
   * How several attacks are put together. `worst` (default): each example is
   * replaced by what the attack with the smallest margin made of it. `mean`: the
   * loss is the mean over all attacks' examples, which are stacked to one batch.
   * `random`: one of them a batch, drawn by `seed`, or by chance. `adaptive`: the
   * same, but with a probability proportional to 1 − the running robust accuracy
   * under it (E-AT, Croce & Hein 2022, section 4). The first two are the "max"
   * and "avg" of Tramèr & Boneh 2019, section 2.
   */
  union?: UnionMode;
  /**
   * How examples are made. `pgd` (default): by the options of an attack. `fast`:
   * by one step from noise that is larger than the bound, in about an eighth of
   * the time of ten steps; an object says how large noise and step are. `fast`
   * takes the options `steps` (default 1), `loss` (default `crossEntropy`),
   * `seed` and `variant`, and no others of an attack.
   */
  crafting?: Crafting;
  /**
   * Attack steps for each batch. Default 10; 1 for `crafting: 'fast'`. Each costs
   * about as much as half a training step.
   */
  steps?: number;
  /**
   * Default for `adam`: 0.1/steps, so that few steps reach as far as the 100 of
   * 0.001 of an evaluation.
   */
  learningRate?: number;
  /**
   * `adversarial` (default): each batch is replaced by its adversarial examples.
   * `both`: it is doubled, clean and adversarial halves together (of a `mean`
   * of k attacks, the clean images are the 1/(k + 1)th part). A number between 0
   * and 1: that share of each batch is attacked, its first images, and the rest
   * stays clean.
   */
  mix?: 'adversarial' | 'both' | number;
  /** What to minimize in place of the model's loss, for instance {@link trades}. */
  objective?: TrainingObjective;
  /**
   * Labels for the loss are (1 − s) · one-hot + s/classes (Szegedy et al. 2016,
   * section 7). Needs one-hot labels. Default 0.
   */
  labelSmoothing?: number;
  /**
   * γ of adversarial weight perturbation: gradients are taken at w + v, where v
   * raises the loss and ‖v‖ = γ‖w‖ for each kernel (Wu et al. 2020, equations 7
   * to 9). 0.005 to 0.01 is usual; it costs a further training step each batch.
   * Default 0: none.
   */
  awp?: number;
  /** Bounds grow in equal steps to their full size in this many epochs. Default 0: full from the start. */
  warmUpEpochs?: number;
  /** Attack every k-th batch, beginning with the first, and train plainly on the others. Default 1. */
  every?: number;
  /**
   * Whether to log accuracy, loss and margin of the clean batch too, which costs
   * one forward pass. Default true; false for `crafting: 'fast'`.
   */
  cleanMetrics?: boolean;
  /**
   * Measure what is logged of the attack in every k-th batch, beginning with the
   * first, and repeat it in the others. It costs a forward pass. Default 1; 10 for
   * `crafting: 'fast'`.
   */
  metricsEvery?: number;
  /**
   * Compare the accuracies under PGD and under a single step, on one batch at the
   * end of each epoch: see {@link GuardArgs}. Default: only with `crafting: 'fast'`.
   */
  guard?: boolean | GuardArgs;
  /**
   * What to do where the guard finds catastrophic overfitting. `warn` (default).
   * `restore`: go back to the weights of the last good epoch, and on with twice
   * as many steps.
   */
  onOverfitting?: 'warn' | 'restore';
  /**
   * What to do where a batch makes the loss or a weight NaN or infinite. `stop`
   * (default): put the weights back to what they were before it and end the fit
   * by an error. `skip`: put them back and go on.
   */
  onNonFinite?: 'stop' | 'skip';
  /** What an earlier run's `state()` gave, to go on with; it stays the caller's. */
  initialState?: AdversarialTrainingState;
  /**
   * Show on standard error how far the fit is, with the time left, and a line of
   * losses and metrics for each epoch; or a function that is told. See
   * {@link ProgressOption}. Default: true in a terminal unless the fit has
   * `verbose: 0`, another `fitProgress` or tfjs-node's own bar; false elsewhere.
   */
  progress?: ProgressOption;
  /**
   * Log everything for TensorBoard: a directory (Node only), or a summary writer,
   * for instance tfjs-node's `tf.node.summaryFileWriter(dir)`.
   */
  tensorBoard?: string | SummaryWriter;
  /**
   * For a run that goes on where it was stopped: the batches it has had so far,
   * after which TensorBoard's are counted on. Given, even as 0, TensorBoard
   * forgets what an earlier run wrote to the directory beyond this place.
   */
  initialBatch?: number;
}

/** What a run that goes on needs to know beside model and optimizer. */
export interface AdversarialTrainingState {
  /** Running robust accuracies, by attack, where the union is `adaptive`. */
  robustAccuracy: Record<string, number>;
  /** What the guard has seen, where there is one. */
  guard?: GuardState;
  /** What was last logged of the attack, where not every batch is measured. */
  logs?: Record<string, number>;
}

/** @throws Error naming the option that is not allowed. */
export function checkArgs(
  args: AdversarialTrainingArgs,
): AdversarialTrainingArgs {
  if (!args?.attack) {
    throw new Error(
      "adversarialTraining needs an attack, for instance {attack: 'C+S+D'}.",
    );
  }
  const {mix, objective, warmUpEpochs = 0, every = 1, attack, union} = args;
  if (Array.isArray(attack) && attack.length === 0) {
    throw new Error(
      "adversarialTraining needs at least one attack in the list, for instance {attack: ['C', 'D']}.",
    );
  }
  if (union !== undefined && !UNIONS.includes(union)) {
    throw new Error(
      `adversarialTraining: union must be one of ${UNIONS.join(', ')}, but is ${JSON.stringify(union)}.`,
    );
  }
  if (union !== undefined && !Array.isArray(attack)) {
    throw new Error(
      "adversarialTraining: a union needs a list of attacks, for instance {attack: ['C', 'D'], union: 'worst'}.",
    );
  }
  checkMix('adversarialTraining', mix);
  if (typeof mix === 'number' && union === 'mean') {
    throw new Error(
      "adversarialTraining: union: 'mean' stacks whole batches, which does not go with a share as mix; use 'adaptive', 'random' or 'worst'.",
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
  if (objective && mix !== undefined && mix !== 'adversarial') {
    throw new Error(
      `adversarialTraining: an objective decides itself what to do with clean examples; leave out mix: ${typeof mix === 'number' ? mix : "'both'"}.`,
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
  const {metricsEvery = 1, labelSmoothing = 0, awp = 0} = args;
  for (const [name, value] of Object.entries({every, metricsEvery})) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new Error(
        `adversarialTraining: ${name} must be a whole number of at least 1, but is ${value}.`,
      );
    }
  }
  for (const [name, value] of Object.entries({labelSmoothing, awp})) {
    if (!(value >= 0 && value < 1)) {
      throw new Error(
        `adversarialTraining: ${name} must be a number from 0 to below 1, but is ${value}.`,
      );
    }
  }
  if (labelSmoothing > 0 && objective?.usesLoss === false) {
    throw new Error(
      `adversarialTraining: ${objective.name} does not use the model's loss, on which labels are smoothed; leave out labelSmoothing.`,
    );
  }
  checkProgress('adversarialTraining', args.progress);
  checkOneOf('onOverfitting', args.onOverfitting, ['warn', 'restore']);
  checkOneOf('onNonFinite', args.onNonFinite, ['stop', 'skip']);
  if (!(Number.isFinite(warmUpEpochs) && warmUpEpochs >= 0)) {
    throw new Error(
      `adversarialTraining: warmUpEpochs must be a number of at least 0, but is ${warmUpEpochs}.`,
    );
  }
  return args;
}

/** @throws Error if it is no way to mix clean and adversarial examples. */
export function checkMix(where: string, mix: unknown): void {
  const known = [undefined, 'adversarial', 'both'];
  if (known.includes(mix as string)) return;
  if (typeof mix === 'number' && mix > 0 && mix < 1) return;
  throw new Error(
    `${where}: mix must be 'adversarial' or 'both' or a share between 0 and 1, but is ${typeof mix === 'number' ? mix : JSON.stringify(mix)}.`,
  );
}

function checkOneOf(name: string, value: unknown, allowed: string[]): void {
  if (value !== undefined && !allowed.includes(value as string)) {
    throw new Error(
      `adversarialTraining: ${name} must be '${allowed.join("' or '")}', but is ${JSON.stringify(value)}.`,
    );
  }
}

/** Logs are by name. @throws Error if one is there twice. */
export function checkNames(names: string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice) {
    throw new Error(
      `adversarialTraining: the attack ${twice} is in the list twice.`,
    );
  }
}
