import {withstands} from '../attacks/losses.js';
import type {ResolvedOptions} from '../attacks/options.js';
import type {Variant} from '../attacks/threat_models/threat_model.js';
import {largerOf} from './neighbor_differences.js';
import type {SearchShare} from './strong_attack.js';
import type {EvaluationWarning} from './warnings/warning.js';

/** What {@link evaluateRobustness} finds for one attack. */
export interface AttackResult {
  /** As a spec. */
  attack: string;
  /**
   * The threat model with every bound that the search had, defaults too:
   * `C(0.06, smooth=0.04)+D(8/255)` for `strong(C+D)`.
   */
  bounds: string;
  /**
   * Share of the examples that are still classified correctly, from 0 to 1; of a
   * targeted attack, the share for which the target was not reached. An example
   * whose logits are NaN counts as wrong.
   *
   * Where the attack is not `complete` it is that of the examples finished so
   * far, which is too low: those that fall are finished first.
   */
  accuracy: number;
  /**
   * One character for each example, in order: 1 where it is still classified
   * correctly (targeted: where the target was not reached), 0 where not, and -
   * where the attack was stopped before.
   */
  correct: string;
  /** Examples finished. */
  examples: number;
  /** Whether all examples are finished. */
  complete: boolean;
  /** Time taken, on the clock. */
  seconds: number;
  /**
   * Of C and S: the largest Euclidean norm of the difference of two neighbors
   * that a perturbation had, over all examples attacked, in the units of
   * `smooth`. Of each example's search it is that of the last perturbation.
   */
  neighborDifferences?: Record<string, number>;
  /** Of a strong evaluation: what each of its searches contributed, in their order. */
  searches?: SearchShare[];
}

/** What {@link evaluateRobustness} finds. Everything in it can be written as JSON. */
export interface RobustnessReport {
  /** Examples given. */
  examples: number;
  /** Which definition the attacks followed. */
  variant: Variant;
  /** Steps of each attack. */
  steps: number;
  /** Whether labels were targets to be reached: `accuracy` is then the share for which they were not. */
  targeted: boolean;
  /** How the attacks searched, defaults filled in. */
  options: Omit<ResolvedOptions, 'confidence'> & {
    /** Null: without bound. */
    confidence: number | null;
  };
  /** One for each attack that was begun, in the order given. */
  results: AttackResult[];
  /** Whether every attack has finished every example: false only if the evaluation was stopped. */
  complete: boolean;
  /** Attacks that were stopped or never begun, as specs. */
  unfinished: string[];
  /**
   * Share of the examples that survive every one of the attacks. NaN, which is
   * null in JSON, unless the report is `complete`. Of a classifier whose outputs
   * differ from pass to pass: the share that survive the most effective image of
   * all attacks in passes of its own, but no more than under any one of them.
   */
  worstCase: number;
  /** Reasons not to believe the numbers; empty if none were looked for. */
  warnings: EvaluationWarning[];
}

/** How far one attack has come. */
export class Progress {
  private readonly marks: string[];
  private done = 0;
  private standing = 0;
  private differences: Record<string, number> = {};
  private readonly started = performance.now();

  constructor(
    readonly attack: string,
    private readonly bounds: string,
    size: number,
  ) {
    this.marks = new Array<string>(size).fill('-');
  }

  /** Notes what has become of an example; a NaN margin is wrong. */
  finish(
    index: number,
    margin: number,
    neighborDifferences?: Record<string, number>,
  ): void {
    const correct = withstands(margin);
    this.marks[index] = correct ? '1' : '0';
    this.done++;
    this.standing += Number(correct);
    this.differences = largerOf(this.differences, neighborDifferences);
  }

  get counts(): {done: number; correct: number; examples: number} {
    const {done, standing, marks} = this;
    return {done, correct: standing, examples: marks.length};
  }

  /** The places of the examples that withstood the attack. */
  survivors(): number[] {
    return this.marks.flatMap((mark, i) => (mark === '1' ? [i] : []));
  }

  result(): AttackResult {
    const {attack, bounds, marks, done, standing, started, differences} = this;
    return {
      attack,
      bounds,
      accuracy: standing / done,
      correct: marks.join(''),
      examples: done,
      complete: done === marks.length,
      seconds: (performance.now() - started) / 1000,
      ...(Object.keys(differences).length > 0 && {
        neighborDifferences: differences,
      }),
    };
  }
}

/**
 * @param results Those of attacks that have finished an example at least.
 * @param attacks The names of all.
 */
export function makeReport(
  examples: number,
  {confidence, ...options}: ResolvedOptions,
  results: AttackResult[],
  attacks: string[],
  warnings: EvaluationWarning[],
): RobustnessReport {
  const unfinished = attacks.filter((_, i) => !results[i]?.complete);
  const survives = (i: number) =>
    results.every(({correct}) => correct[i] === '1');
  const surviving = Array.from({length: examples}, (_, i) => i).filter(
    survives,
  );
  const {variant, steps, targeted} = options;
  return {
    examples,
    variant,
    steps,
    targeted,
    options: {
      ...options,
      confidence: confidence === Infinity ? null : confidence,
    },
    results,
    complete: unfinished.length === 0,
    unfinished,
    worstCase: unfinished.length === 0 ? surviving.length / examples : NaN,
    warnings,
  };
}
