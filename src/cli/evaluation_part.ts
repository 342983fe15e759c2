import type {AttackOptions, Classifier, ImageSet} from '../index.js';
import type {AttackExamplesArgs} from '../evaluation/attack_examples.js';
import type {AttackResult} from '../evaluation/report.js';
import {
  type AttackAll,
  attackHere,
  evaluateBy,
} from '../evaluation/robustness.js';

/** What one attack does to a part of the examples. */
export interface EvaluationPart extends Pick<
  AttackResult,
  'correct' | 'seconds' | 'neighborDifferences' | 'searches'
> {
  /** Examples whose gradients were not finite, when that was first seen. */
  nonFinite?: number;
}

export interface EvaluatePartArgs {
  /** Spec of one attack. */
  attack: string;
  options: AttackOptions;
  batchSize: number;
  /** Called for each example that is finished. */
  onExample(): void;
}

/** Attacks a part of the examples. Warnings are left to who has all of them. */
export async function evaluatePart(
  classifier: Classifier,
  data: ImageSet,
  {attack, options, batchSize, onExample}: EvaluatePartArgs,
): Promise<EvaluationPart> {
  let nonFinite: number | undefined;
  const attackAll: AttackAll = (attack, classifier, examples, args) =>
    attackHere(attack, classifier, examples, {
      ...args,
      onNonFinite: count => (nonFinite ??= count),
    });
  const {results} = await evaluateBy(attackAll, classifier, data, {
    ...options,
    ...{attacks: [attack], batchSize, warnings: false},
    onProgress: onExample,
  });
  const [{correct, seconds, neighborDifferences, searches}] = results;
  return {
    ...{correct, seconds},
    ...(neighborDifferences && {neighborDifferences}),
    ...(searches && {searches}),
    ...(nonFinite && {nonFinite}),
  };
}

/** A part that is finished, and its place. */
export interface PlacedPart {
  begin: number;
  part: EvaluationPart;
}

/**
 * Reports finished parts of an attack as if it had been here.
 *
 * @returns What {@link AttackAll} returns.
 */
export function reportParts(
  placed: PlacedPart[],
  {onFinished, onNonFinite}: AttackExamplesArgs,
): Partial<Pick<AttackResult, 'searches' | 'seconds'>> {
  const sorted = [...placed].sort((a, b) => a.begin - b.begin);
  const first = sorted.find(({part}) => part.nonFinite);
  if (first) onNonFinite?.(first.part.nonFinite!);
  let seconds = 0;
  const searches: NonNullable<AttackResult['searches']> = [];
  for (const {begin, part} of sorted) {
    [...part.correct].forEach((mark, i) =>
      onFinished({
        index: begin + i,
        margin: mark === '1' ? 0 : -1,
        // The largest of all is reported.
        neighborDifferences: part.neighborDifferences,
      }),
    );
    seconds += part.seconds;
    part.searches?.forEach((share, k) => {
      const {examples, broken, seconds, name} = share;
      const sum = (searches[k] ??= {name, examples: 0, broken: 0, seconds: 0});
      sum.examples += examples;
      sum.broken += broken;
      sum.seconds += seconds;
    });
  }
  return {seconds, ...(searches.length > 0 && {searches})};
}
