import {withRecommendedSmooth} from '../attacks/threat_models/recommended_smooth.js';
import {parseSpec} from '../attacks/threat_models/spec.js';
import {
  isThreatModel,
  type ThreatModel,
  type Variant,
} from '../attacks/threat_models/threat_model.js';

/** What `strong` alone stands for. */
const ALL = ['C', 'D', 'S', 'C+S+D'];

/** A strong evaluation of a threat model; see {@link strong}. */
export interface StrongAttack {
  /** For instance `strong(C+S+D)`. */
  readonly name: string;
  /** What is searched. */
  readonly threatModel: ThreatModel;
  /** Makes random numbers repeatable; also repeatable by default. */
  readonly seed: number;
  /** See {@link StrongArgs.eotSamples}. */
  readonly eotSamples: number;
}

/** Options of {@link strong}. */
export interface StrongArgs {
  /** As in {@link AttackOptions}: for the terms of a spec. */
  variant?: Variant;
  /** Default 0. */
  seed?: number;
  /**
   * Only for classifiers whose outputs differ from pass to pass: over how many
   * forward passes the final margin of each example is averaged, and at least
   * how many each step of a search averages. Default 1: the accuracy is then that
   * of a single pass.
   */
  eotSamples?: number;
}

/**
 * A strong evaluation: a fixed sequence of searches without parameters to tune,
 * in the place of one attack in {@link evaluateRobustness}.
 *
 * ```js
 * await evaluateRobustness(model, data, {attacks: ['None', 'strong(C+S+D)']});
 * ```
 *
 * The searches are Auto-PGD on the cross-entropy and, toward each of the nine
 * likeliest other classes, on the targeted difference of logits ratio; Square,
 * which needs no gradient; and restarts from random points. The cheapest comes
 * first, an example stops at its first success, and the result counts an example
 * as correct only if it withstands all of them. None pays the price of
 * smoothness: whatever is inside the bounds counts. C and S have a bound on the
 * difference of neighbors, {@link RECOMMENDED_SMOOTH} in proportion to ε unless
 * the spec gives one; a report writes them out in `bounds`.
 *
 * Of a classifier whose outputs differ from pass to pass, no success counts that
 * a search has seen itself: of what the searches propose for an example, many
 * fresh passes choose the most effective, and further ones judge that.
 *
 * The plan follows AutoAttack (Croce & Hein 2020), which is for additive
 * perturbations, and extends it to every threat model and sequence.
 *
 * @param spec As for {@link attack}, or a threat model.
 */
export function strong(
  spec: string | ThreatModel,
  {variant, seed = 0, eotSamples = 1}: StrongArgs = {},
): StrongAttack {
  if (!Number.isSafeInteger(eotSamples) || eotSamples < 1) {
    throw new Error(
      `eotSamples must be a whole number of at least 1, but is ${eotSamples}.`,
    );
  }
  const given = isThreatModel(spec) ? spec : parseSpec(spec, variant);
  const threatModel = strongThreatModel(given);
  return {name: `strong(${given.name})`, threatModel, seed, eotSamples};
}

/**
 * What a strong evaluation searches, for a given threat model. The one place
 * that decides which bound on the difference of neighbors C and S have where
 * their spec gives none.
 */
function strongThreatModel(threatModel: ThreatModel): ThreatModel {
  return withRecommendedSmooth(threatModel);
}

const STRONG = /^\s*strong\s*(?:\((.*)\))?\s*$/;

/**
 * The specs in the place of a spec: those of `strong` are `strong(C)`,
 * `strong(D)`, `strong(S)` and `strong(C+S+D)`, every other stands for itself.
 */
export function expandSpec<T>(spec: T | string): Array<T | string> {
  return typeof spec === 'string' && spec.trim() === 'strong'
    ? ALL.map(inner => `strong(${inner})`)
    : [spec];
}

/** What is inside the parentheses of `strong(…)`; null for every other spec. */
export function insideStrong(spec: unknown): string | null {
  return typeof spec === 'string' ? (STRONG.exec(spec)?.[1] ?? null) : null;
}

/** Whether this is what {@link strong} returns. */
export function isStrong(x: unknown): x is StrongAttack {
  const {name, threatModel} = (x ?? {}) as Partial<StrongAttack>;
  return !!name?.startsWith('strong(') && isThreatModel(threatModel);
}
