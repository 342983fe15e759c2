import {z} from 'zod';
import {
  checkEvaluation,
  evaluationName,
  type EvaluationResult,
  type EvaluationUnit,
  parseEvaluation,
  sameEvaluation,
} from './evaluation_unit.js';
import {checkResult, sameResult, type WorkResult} from './result.js';
import {
  batchesOf,
  checkTraining,
  parseTraining,
  trainingName,
  type TrainingResult,
  type TrainingUnit,
} from './training_unit.js';
import {parseUnit, unitName, type WorkUnit} from './unit.js';

/** A unit of work of any kind. */
export type Unit = WorkUnit | EvaluationUnit | TrainingUnit;

/** The result of a unit of any kind. */
export type Result = WorkResult | EvaluationResult | TrainingResult;

/** What the queue and the processes have to know of a kind of units. */
interface Kind<U, R> {
  /** @throws Error with one sentence if a value is no unit of this kind. */
  parse(value: unknown): U;
  /** SHA-256 of all that the result follows from. */
  name(unit: U): string;
  /** @throws Error, the second half of a sentence, if a value is no result of the unit. */
  check(value: unknown, unit: U): R;
  /** Whether two workers found the same. */
  same(a: R, b: R): boolean;
  /** What messages call it. */
  describe(unit: U): string;
  /** Steps of its progress. */
  size(unit: U): number;
}

interface Range {
  attack: string;
  begin: number;
  end: number;
}

/** Of units that attack a range of examples. */
const ranges = {
  describe: ({attack, begin, end}: Range) =>
    `${attack} on examples ${begin} to ${end - 1}`,
  size: ({begin, end}: Range) => end - begin,
};

const KINDS = {
  table: {
    ...{parse: parseUnit, name: unitName, check: checkResult},
    ...{same: sameResult, ...ranges},
  } satisfies Kind<WorkUnit, WorkResult>,
  evaluation: {
    ...{parse: parseEvaluation, name: evaluationName, check: checkEvaluation},
    ...{same: sameEvaluation, ...ranges},
  } satisfies Kind<EvaluationUnit, EvaluationResult>,
  training: {
    ...{parse: parseTraining, name: trainingName, check: checkTraining},
    // Each run has times of its own: rows are not done twice.
    same: () => true,
    describe: ({settings}: TrainingUnit) =>
      `the training of ${settings.defense}`,
    size: batchesOf,
  } satisfies Kind<TrainingUnit, TrainingResult>,
};

const kindName = z.object({kind: z.enum(['evaluation', 'training'])});

/** The kind of what is, or may be, a unit; those of the table have no name of it. */
export function kindOf(unit: unknown): keyof typeof KINDS {
  return kindName.safeParse(unit).data?.kind ?? 'table';
}

const of = (unit: unknown) =>
  KINDS[kindOf(unit)] as unknown as Kind<Unit, Result>;

/**
 * Checks a unit that another process sent. It can ask for a computation within
 * the limits of its schema and for nothing else.
 *
 * @throws Error with one sentence if it is no unit.
 */
export const parseAny = (value: unknown): Unit => of(value).parse(value);

/** The name of a unit. Two units of the same name have the same result. */
export const nameOf = (unit: Unit): string => of(unit).name(unit);

/** What messages call a unit. */
export const describe = (unit: Unit): string => of(unit).describe(unit);

/** Steps of a unit's progress. */
export const sizeOf = (unit: Unit): number => of(unit).size(unit);

/** @throws Error, the second half of a sentence, if this is no result of the unit. */
export const checkAny = (value: unknown, unit: Unit): Result =>
  of(unit).check(value, unit);

/** Whether two workers found the same for a unit. */
export const sameFor = (unit: Unit, a: Result, b: Result): boolean =>
  of(unit).same(a, b);
