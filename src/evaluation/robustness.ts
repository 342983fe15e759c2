import * as tf from '@tensorflow/tfjs';
import {attack as makeAttack, type Attack} from '../attacks/attack.js';
import {
  type AttackOptions,
  type ResolvedOptions,
  resolveOptions,
} from '../attacks/options.js';
import {
  fullNameOf,
  type ThreatModel,
} from '../attacks/threat_models/threat_model.js';
import {rememberRandomized} from '../models/inspect.js';
import type {Classifier} from '../models/logits.js';
import {openDisplay} from '../progress/display.js';
import {
  checkProgress,
  type Display,
  type ProgressOption,
} from '../progress/report.js';
import {Task} from '../progress/task.js';
import {dispose, tidy} from '../ops/tidy.js';
import {attackAgain, isSearch} from './attack_again.js';
import {attackExamples, type AttackExamplesArgs} from './attack_examples.js';
import {
  expandSpec,
  insideStrong,
  isStrong,
  strong,
  type StrongAttack,
} from './strong.js';
import {attackStrongly} from './strong_attack.js';
import {strongSearches} from './strong_searches.js';
import type {Examples} from './examples.js';
import {type LoadedExamples, loadExamples} from './loaded_examples.js';
import {
  type AttackResult,
  makeReport,
  Progress,
  type RobustnessReport,
} from './report.js';
import {RandomizedWorstCase} from './randomized_worst_case.js';
import {Checks} from './warnings/checks.js';

export type {AttackResult, RobustnessReport};

/** Options of {@link evaluateRobustness}: the attacks, and how they search. */
export interface EvaluateArgs extends AttackOptions {
  /**
   * Specs or threat models; `strong(SPEC)` or what {@link strong} returns for a
   * strong evaluation, on which of the options of a search only `variant`, `seed`
   * and `eotSamples` have an influence. `strong` alone stands for `strong(C)`, `strong(D)`, `strong(S)` and
   * `strong(C+S+D)`.
   */
  attacks: Array<string | ThreatModel | StrongAttack>;
  /** Default 50. */
  batchSize?: number;
  /**
   * Default true where `keep` is `best`, which changes no result: an example
   * leaves the batch once it is misclassified, and the next takes its place.
   * Default false where the classifier's outputs differ from pass to pass.
   */
  earlyStop?: boolean;
  /**
   * Whether to look for reasons not to believe the numbers, on a small sample,
   * and to say them in the report and once on the console. Default true.
   */
  warnings?: boolean;
  /**
   * Show on standard error how many examples are finished and misclassified under
   * each attack, with the time left; or a function that is told. See
   * {@link ProgressOption}. Default: true in a terminal, false elsewhere.
   */
  progress?: ProgressOption;
  /** Called as each example is finished. */
  onProgress?(progress: EvaluationProgress): void;
  /**
   * Called as each example is finished, with its perturbed image; under the
   * attack `None`, with its own. In the order in which they finish: an example
   * that falls early comes early.
   */
  onExample?(example: AttackedExample): void;
  /**
   * Stops the evaluation after the present batch or step; the report says which
   * attacks and examples are complete.
   */
  signal?: AbortSignal;
}

/** What became of one example under one attack. */
export interface AttackedExample {
  /** As a spec. */
  attack: string;
  /** Its place in the data. */
  index: number;
  /** As {@link Perturbed.margin}: not below 0 where it is still classified correctly. */
  margin: number;
  /** The perturbed image, [height, width, channels] in [0, 1]. */
  image: Float32Array;
  /**
   * How far each term moved it, in the units of the term's bound. Of an example
   * that withstood the attack, it is that of the search's last perturbation.
   */
  sizes: Record<string, number>;
  /** Of C and S: as {@link AttackResult.neighborDifferences}, of this example. */
  neighborDifferences: Record<string, number>;
}

/** How far {@link evaluateRobustness} has come. */
export interface EvaluationProgress {
  /** As a spec. */
  attack: string;
  /** Examples done under this attack. */
  done: number;
  /** How many of them are still classified correctly. */
  correct: number;
  /** All examples. */
  examples: number;
}

/**
 * Accuracy of a classifier under each of several attacks, and under the worst of
 * them for each example.
 *
 * ```js
 * const {results, worstCase} = await evaluateRobustness(model, {images, labels}, {
 *   attacks: ['None', 'C', 'D', 'S', 'C+S+D'],
 * });
 * ```
 *
 * Of a classifier whose outputs differ from pass to pass, each result is judged
 * by a fresh pass after the search (by the mean margin of `eotSamples` passes),
 * not by the luckiest pass of the search, and the worst case by fresh passes over
 * the most effective image of all attacks. With `targeted`, labels are the
 * targets, and accuracies are shares of examples whose target was not reached.
 *
 * @throws Error, before the first search, if an option, a spec, an image or a
 *     label is not allowed, if a term cannot be applied to such images, or if
 *     the classifier takes other images or gives no logits.
 */
export async function evaluateRobustness(
  classifier: Classifier,
  data: Examples,
  args: EvaluateArgs,
): Promise<RobustnessReport> {
  return evaluateBy(attackHere, classifier, data, args);
}

/**
 * Attacks all examples and calls `onFinished` for each. It returns what a result
 * has besides; its `seconds` replace those on the clock.
 */
export type AttackAll = (
  attack: Attack | StrongAttack,
  classifier: Classifier,
  data: LoadedExamples,
  args: AttackExamplesArgs,
) => Promise<Partial<Pick<AttackResult, 'searches' | 'seconds'>>>;

export const attackHere: AttackAll = async (attack, classifier, data, args) => {
  if (isStrong(attack)) {
    return {searches: await attackStrongly(attack, classifier, data, args)};
  }
  await attackExamples(attack, classifier, data, args);
  return {};
};

/** As {@link evaluateRobustness}, with all examples attacked by `attackAll`. */
export async function evaluateBy(
  attackAll: AttackAll,
  classifier: Classifier,
  data: Examples,
  args: EvaluateArgs,
): Promise<RobustnessReport> {
  checkArgs(args);
  const {progress, ...rest} = args;
  const display = await openDisplay(progress);
  try {
    return await evaluate(attackAll, classifier, data, rest, display);
  } finally {
    display.stop();
  }
}

async function evaluate(
  attackAll: AttackAll,
  classifier: Classifier,
  data: Examples,
  args: EvaluateArgs,
  display: Display,
): Promise<RobustnessReport> {
  const {attacks, batchSize = 50, warnings = true, ...rest} = args;
  const {onProgress, onExample, signal, ...given} = rest;
  const options = resolveOptions(given);
  const specs = attacks.flatMap(expandSpec);
  checkNames(specs, given);
  const loaded = await loadExamples(data, classifier, signal);
  const make = (randomized: boolean) =>
    specs.map(spec => makeOne(spec, given, options, randomized));
  make(false).forEach(attack => checkTerms(attack, loaded));
  const begin = ({name}: {name: string}) =>
    new Task(display, 'examples', name, loaded.size);
  // Already while the checks run.
  begin(make(false)[0]);
  await tryOut(make(false).map(asSearch), classifier, loaded, warnings);
  // A warning is no part of a bar's line.
  const checks = new Checks(classifier, loaded, signal, () => display.stop());
  if (warnings) await checks.before(make(loaded.randomized).map(asSearch));
  if (checks.outputsDiffer) {
    rememberRandomized(classifier);
    loaded.randomized = true;
  }
  const made = make(loaded.randomized);
  const results: AttackResult[] = [];
  const worst =
    loaded.randomized && made.length > 1
      ? new RandomizedWorstCase(classifier, loaded, batchSize)
      : null;
  for (const attack of made) {
    if (signal?.aborted) break;
    const progress = new Progress(
      attack.name,
      fullNameOf(attack.threatModel),
      loaded.size,
    );
    const task = begin(attack);
    const cell: AttackExamplesArgs = {
      batchSize,
      signal,
      ...((worst || onExample) && {wanted: () => true}),
      onFinished: ({index, margin, adversarial, ...moved}) => {
        progress.finish(index, margin, moved.neighborDifferences);
        worst?.add(index, adversarial!);
        onExample?.({
          ...{attack: attack.name, index, margin, image: adversarial!},
          ...{sizes: moved.sizes ?? {}},
          ...{neighborDifferences: moved.neighborDifferences ?? {}},
        });
        const {counts} = progress;
        const misclassified = counts.done - counts.correct;
        task.update(counts.done, {misclassified});
        onProgress?.({attack: attack.name, ...counts});
      },
      ...(warnings && {
        onNonFinite: (n: number) => checks.addNonFinite(attack.name, n),
        // The checks before the first search look for these.
        onZeroGradients: () => {},
      }),
    };
    const found = await attackAll(attack, classifier, loaded, cell);
    const result = {...progress.result(), ...found};
    if (result.examples > 0) results.push(result);
    if (signal?.aborted) break;
    const {done, correct} = progress.counts;
    task.finish({misclassified: done - correct});
    await worst?.compare();
    if (warnings) await checks.after(asSearch(attack), progress.survivors());
  }
  const report = makeReport(
    loaded.size,
    options,
    results,
    made.map(({name}) => name),
    checks.warnings,
  );
  if (worst && report.complete) {
    const chosen = await worst.accuracy(options.eotSamples);
    const accuracies = results.map(({accuracy}) => accuracy);
    report.worstCase = Math.min(chosen, ...accuracies);
  }
  return report;
}

function checkArgs({
  attacks,
  batchSize = 50,
  warnings,
  onProgress,
  progress,
  signal,
}: EvaluateArgs): void {
  if (!Array.isArray(attacks) || attacks.length === 0) {
    throw new Error(
      "evaluateRobustness needs a list of attacks, for instance {attacks: ['None', 'C+S+D']}.",
    );
  }
  if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
    throw new Error(
      `batchSize must be a whole number of at least 1, but is ${batchSize}.`,
    );
  }
  if (warnings !== undefined && typeof warnings !== 'boolean') {
    throw new Error(`warnings must be true or false, but is ${warnings}.`);
  }
  checkProgress('evaluateRobustness', progress);
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new Error(
      `onProgress must be a function, but is ${String(onProgress)}.`,
    );
  }
  if (signal !== undefined && typeof signal?.throwIfAborted !== 'function') {
    throw new Error(
      'signal must be an AbortSignal, as new AbortController() has one.',
    );
  }
}

/**
 * One step on one image, where only a step shows that something cannot be used:
 * a custom loss or optimizer, a loss that needs more classes, or a classifier
 * without gradients, which warnings look for too. All attacks share these.
 */
async function tryOut(
  attacks: Attack[],
  classifier: Classifier,
  data: LoadedExamples,
  warnings: boolean,
): Promise<void> {
  const search = attacks.find(isSearch);
  if (!search) return;
  const {loss, optimizer} = search.options;
  const usual = ['margin', 'crossEntropy', 'kl'] as unknown[];
  if (warnings && usual.includes(loss) && typeof optimizer === 'string') return;
  const image = data.tensor(0, 1);
  const label = tf.tensor1d(data.labels.slice(0, 1), 'int32');
  const once = attackAgain(search, search.threatModel, {steps: 1, restarts: 1});
  try {
    const args = {onNonFinite: () => {}, onZeroGradients: () => {}};
    dispose(await once.perturbAsync(classifier, image, label, args));
  } finally {
    tf.dispose([image, label]);
  }
}

/** The attack of a spec, or the strong evaluation. */
function makeOne(
  spec: string | ThreatModel | StrongAttack,
  given: AttackOptions,
  {keep, variant, targeted}: ResolvedOptions,
  randomized = false,
): Attack | StrongAttack {
  const inner = insideStrong(spec);
  if (inner === null && !isStrong(spec)) {
    return makeAttack(spec, {
      ...given,
      earlyStop: given.earlyStop ?? (keep === 'best' && !randomized),
    });
  }
  if (targeted) {
    throw new Error(
      'A strong evaluation is untargeted: leave out targeted, or give other attacks.',
    );
  }
  return inner === null
    ? (spec as StrongAttack)
    : strong(inner, {variant, seed: given.seed, eotSamples: given.eotSamples});
}

/**
 * What warnings look at: of a strong evaluation, its first search, but by the
 * margin, since the searches that follow do not depend on a slope of the
 * cross-entropy.
 */
function asSearch(attack: Attack | StrongAttack): Attack {
  if (!isStrong(attack)) return attack;
  const {name, threatModel} = attack;
  const [{options}] = strongSearches(2);
  return {...makeAttack(threatModel, {...options, loss: 'margin'}), name};
}

/** @throws Error if a spec is not allowed, or is there twice, however it is written. */
function checkNames(
  attacks: EvaluateArgs['attacks'],
  given: AttackOptions,
): void {
  const options = resolveOptions(given);
  const made = attacks.map(spec => makeOne(spec, given, options));
  // Threat models of the same name may differ in what a name does not say.
  const names = made
    .filter((_, i) => typeof attacks[i] === 'string')
    .map(({name}) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new Error(`The attack ${twice} is in the list twice.`);
  }
}

/** @throws Error if a term cannot be applied to such images, such as C to gray ones. */
function checkTerms(
  {threatModel}: Attack | StrongAttack,
  data: LoadedExamples,
): void {
  tidy(() => {
    const image = data.tensor(0, 1);
    // In the order of a search, in which the first says what is wrong.
    const zeros = threatModel.zeros(image);
    const constants = threatModel.prepare(image);
    const parameters = threatModel.project(zeros, image, constants);
    threatModel.apply(image, parameters, constants);
  });
}
