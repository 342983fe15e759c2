import {attack as makeAttack} from '../attacks/attack.js';
import type {Classifier} from '../models/logits.js';
import {type AttackOptions, resolveOptions} from '../attacks/options.js';
import type {
  ThreatModel,
  Variant,
} from '../attacks/threat_models/threat_model.js';
import {withstands} from '../attacks/losses.js';
import {attackExamples, type CellArgs} from './attack_examples.js';
import {
  expandSpec,
  insideStrong,
  isStrong,
  strong,
  type StrongAttack,
} from './strong.js';
import {attackStrongly, type SearchShare} from './strong_attack.js';
import {countExamples, type Examples} from './examples.js';

/** What {@link evaluateRobustness} finds for one attack. */
export interface AttackResult {
  /** As a spec. */
  attack: string;
  /** Share of the examples that are still classified correctly, from 0 to 1. */
  accuracy: number;
  /** One character for each example, in order: 1 where it is still classified correctly. */
  correct: string;
  /** Time taken, on the clock. */
  seconds: number;
  /** Of a strong evaluation: what each of its searches contributed, in their order. */
  searches?: SearchShare[];
}

/** What {@link evaluateRobustness} finds. Everything in it can be written as JSON. */
export interface RobustnessReport {
  /** Examples evaluated; fewer than given if the evaluation was stopped. */
  examples: number;
  /** Which definition the attacks followed. */
  variant: Variant;
  /** Steps of each attack. */
  steps: number;
  /** One for each attack, in the order given. */
  results: AttackResult[];
  /** Share of the examples that survive every one of the attacks. */
  worstCase: number;
}

/** Options of {@link evaluateRobustness}: the attacks, and how they search. */
export interface EvaluateArgs extends AttackOptions {
  /**
   * Specs or threat models; `strong(SPEC)` or what {@link strong} returns for a
   * strong evaluation, on which the options of a search have no influence.
   * `strong` alone stands for `strong(C)`, `strong(D)`, `strong(S)` and
   * `strong(C+S+D)`.
   */
  attacks: Array<string | ThreatModel | StrongAttack>;
  /** Default 50. */
  batchSize?: number;
  /**
   * Default true where `keep` is `best`, which changes no result: an example
   * leaves the batch once it is misclassified, and the next takes its place.
   */
  earlyStop?: boolean;
  /** Called as each example is finished. */
  onProgress?(progress: EvaluationProgress): void;
  /** Stops the evaluation after the present batch or step; the report holds the attacks that were finished. */
  signal?: AbortSignal;
}

/** How far {@link evaluateRobustness} has come. */
export interface EvaluationProgress {
  /** As a spec. */
  attack: string;
  /** Examples done under this attack. */
  done: number;
  /** How many of them are still classified correctly. */
  correct: number;
  /** All examples, where that is known. */
  examples: number | undefined;
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
 * @throws Error, before any work, if a spec or an option is not allowed.
 */
export async function evaluateRobustness(
  classifier: Classifier,
  data: Examples,
  args: EvaluateArgs,
): Promise<RobustnessReport> {
  const {attacks, batchSize = 50, onProgress, signal, ...given} = args;
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
  const {variant, steps, keep} = resolveOptions(given);
  const options = {...given, earlyStop: given.earlyStop ?? keep === 'best'};
  const made = attacks.flatMap(expandSpec).map(spec => {
    const inner = insideStrong(spec);
    if (inner !== null) return strong(inner, {variant, seed: given.seed});
    return isStrong(spec) ? spec : makeAttack(spec, options);
  });
  if (given.targeted && made.some(isStrong)) {
    throw new Error(
      'A strong evaluation is untargeted: leave out targeted, or give other attacks.',
    );
  }
  const total = countExamples(data);
  const results: AttackResult[] = [];
  for (const attack of made) {
    const started = performance.now();
    const survived: boolean[] = [];
    let done = 0;
    let correct = 0;
    const cell: CellArgs = {
      batchSize,
      signal,
      onFinished: ({index, margin}) => {
        survived[index] = withstands(margin);
        done++;
        correct += Number(survived[index]);
        onProgress?.({attack: attack.name, done, correct, examples: total});
      },
    };
    const searches = isStrong(attack)
      ? await attackStrongly(attack, classifier, data, cell)
      : await attackExamples(attack, classifier, data, cell);
    // Also what was stopped in the middle of it.
    if (signal?.aborted) return report(results, variant, steps);
    results.push({
      attack: attack.name,
      accuracy: correct / done,
      correct: survived.map(Number).join(''),
      seconds: (performance.now() - started) / 1000,
      ...(searches && {searches}),
    });
  }
  return report(results, variant, steps);
}

function report(
  results: AttackResult[],
  variant: Variant,
  steps: number,
): RobustnessReport {
  const examples = results[0]?.correct.length ?? 0;
  let surviving = 0;
  for (let i = 0; i < examples; i++) {
    if (results.every(({correct}) => correct[i] === '1')) surviving++;
  }
  return {
    examples,
    variant,
    steps,
    results,
    worstCase: examples ? surviving / examples : 0,
  };
}
