import type {AttackOptions} from '../attacks/options.js';
import type {ThreatModel} from '../attacks/threat_models/threat_model.js';
import type {TrainingObjective} from '../defenses/objective.js';
import type {SummaryWriter} from '../tensorboard/summary_writer.js';

/** How several attacks are put together; see {@link AdversarialTrainingArgs.union}. */
export type UnionMode = 'worst' | 'mean' | 'random';

const UNIONS: readonly UnionMode[] = ['worst', 'mean', 'random'];

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
   * `random`: one of them a batch, drawn by `seed`, or by chance. The first two
   * are the "max" and "avg" of Tramèr & Boneh 2019, section 2.
   */
  union?: UnionMode;
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
   * `both`: it is doubled, clean and adversarial halves together (of a `mean`
   * of k attacks, the clean images are the 1/(k + 1)th part).
   */
  mix?: 'adversarial' | 'both';
  /** What to minimize in place of the model's loss, for instance {@link trades}. */
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
  /**
   * For a run that goes on where it was stopped: the batches it has had so far,
   * after which TensorBoard's are counted on. Given, even as 0, TensorBoard
   * forgets what an earlier run wrote to the directory beyond this place.
   */
  initialBatch?: number;
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

/** Logs are by name. @throws Error if one is there twice. */
export function checkNames(names: string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice) {
    throw new Error(
      `adversarialTraining: the attack ${twice} is in the list twice.`,
    );
  }
}
