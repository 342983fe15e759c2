import {z} from 'zod';
import type {ImageSet, Variant} from '../../src/index.js';
import type {Scaling} from '../../src/cli/input_range.js';
import {
  checkSpec,
  isStrong,
  type SearchOptions,
} from '../../src/cli/search_options.js';
import {checkBy, resultHeader} from './result.js';
import {
  count,
  dataDigest,
  header,
  nameBy,
  parseBy,
  positive,
  search,
  searchOf,
  sha256,
  UNIT_FORMAT,
  VERSION,
} from './unit.js';

const perChannel = z.union([z.number(), z.array(z.number()).min(1).max(4096)]);

const schema = z.strictObject({
  kind: z.literal('evaluation'),
  ...header,
  /** SHA-256 of the model's files. */
  model: sha256,
  /** What the model takes: (x − mean)/stddev of x in [0, 1]; x itself by default. */
  scaling: z
    .strictObject({
      name: z.string().max(300),
      mean: perChannel,
      stddev: perChannel,
    })
    .optional(),
  /** SHA-256 of the bytes of the images and of their labels. */
  data: sha256,
  shape: z.tuple([positive(8192), positive(8192), positive(64)]),
  classes: positive(65_536),
  /** As the user wrote it. */
  attack: z.string().min(1).max(300),
  variant: z.enum(['paper', 'reference']),
  search,
  batch: positive(10_000),
  /** Examples `begin` to `end`, exclusive, of those that are evaluated. */
  begin: count(100_000_000),
  end: count(100_000_000),
});

/** A unit of work of `evaluate`: one attack on a range of examples, which are sent with it. */
export type EvaluationUnit = z.infer<typeof schema>;

export const evaluationName = (unit: EvaluationUnit) => nameBy(schema, unit);

/** @throws Error with one sentence if it is no unit. */
export function parseEvaluation(value: unknown): EvaluationUnit {
  const unit = parseBy(schema, value);
  if (unit.end <= unit.begin) {
    throw new Error('This is no unit of work: its examples are out of order.');
  }
  checkSpec(unit.attack, {variant: unit.variant});
  return unit;
}

export interface EvaluationUnitArgs {
  backend: string;
  model: string;
  scaling?: Scaling;
  attack: string;
  variant: Variant;
  search: SearchOptions;
  batch: number;
  begin: number;
}

/** @param data the unit's examples alone. */
export function makeEvaluation(
  {search, begin, ...rest}: EvaluationUnitArgs,
  data: ImageSet,
): EvaluationUnit {
  return parseEvaluation({
    ...{kind: 'evaluation', format: UNIT_FORMAT, version: VERSION, ...rest},
    ...{data: dataDigest(data), shape: [...data.shape]},
    classes: data.classNames.length,
    search: searchOf(search),
    ...{begin, end: begin + data.size},
  });
}

const resultSchema = z.strictObject({
  ...resultHeader,
  /** One character for each example: 1 where it is still classified correctly. */
  correct: z.string().regex(/^[01]+$/),
  seconds: z.number().min(0),
  /** The largest of all examples. */
  neighborDifferences: z
    .record(z.string().regex(/^\w[\w#-]{0,19}$/), z.number().min(0))
    .optional(),
  /** Examples whose gradients were not finite, when that was first seen. */
  nonFinite: count(100_000_000).optional(),
  /** Of a strong evaluation. */
  searches: z
    .array(
      z.strictObject({
        name: z.string().max(200),
        examples: count(100_000_000),
        broken: count(100_000_000),
        seconds: z.number().min(0),
      }),
    )
    .max(1000)
    .optional(),
});

export type EvaluationResult = z.infer<typeof resultSchema>;

/** @throws Error, the second half of a sentence, if it is no result of this unit. */
export function checkEvaluation(
  value: unknown,
  unit: EvaluationUnit,
): EvaluationResult {
  const wanted = {...unit, unit: evaluationName(unit)};
  const result = checkBy(resultSchema, value, wanted);
  const {correct, searches} = result;
  if (correct.length !== unit.end - unit.begin) {
    throw new Error(
      `a result has ${correct.length} examples, not ${unit.end - unit.begin}`,
    );
  }
  if ((searches !== undefined) !== isStrong(unit.attack)) {
    throw new Error('a result is of another attack');
  }
  return result;
}

/** Whether two workers found the same; the time may differ. */
export function sameEvaluation(
  a: EvaluationResult,
  b: EvaluationResult,
): boolean {
  return timeless(a) === timeless(b);
}

const timeless = ({
  correct,
  neighborDifferences,
  nonFinite,
  searches,
}: EvaluationResult) =>
  JSON.stringify([
    ...[correct, neighborDifferences, nonFinite],
    searches?.map(({name, examples, broken}) => [name, examples, broken]),
  ]);
