import {z} from 'zod';
import type {WarningCode} from '../../src/index.js';
import {firstIssue, sha256, unitName, type WorkUnit} from './unit.js';

/** A perturbed image of 32 × 32 pixels has about 3 kB. */
const MAX_PICTURE = 20_000;

/** What all results have. */
export const resultHeader = {
  /** The name of the unit. */
  unit: sha256,
  version: z.string(),
  backend: z.string(),
  /** Who computed it. */
  worker: z.string().max(200),
};

const schema = z.strictObject({
  ...resultHeader,
  /** One character for each example: 1 where it is still classified correctly. */
  correct: z.string().regex(/^[01]+$/),
  /** PNGs of perturbed images, base64, from the unit's first example on. */
  pictures: z.array(
    z
      .string()
      .max(MAX_PICTURE)
      .regex(/^iVBORw0KGgo[A-Za-z0-9+/]*={0,2}$/),
  ),
  seconds: z.number().min(0),
  /** Reasons not to trust the cell, of its first part. */
  warnings: z
    .array(
      z.strictObject({
        code: z.custom<WarningCode>(
          x => typeof x === 'string' && /^[a-z-]{1,60}$/.test(x),
        ),
        message: z.string().max(2000),
        attack: z.string().max(200).optional(),
      }),
    )
    .max(100)
    .optional(),
});

/** The result of a unit of the table: small, self-contained and written as JSON. */
export type WorkResult = z.infer<typeof schema>;

/**
 * Checks a result before it is taken.
 *
 * @throws Error with one sentence if it is not a result of this unit.
 */
export function checkResult(value: unknown, unit: WorkUnit): WorkResult {
  const result = checkBy(schema, value, {...unit, unit: unitName(unit)});
  const examples = unit.end - unit.begin;
  if (result.correct.length !== examples) {
    throw new Error(
      `a result has ${result.correct.length} examples, not ${examples}`,
    );
  }
  const shown = unit.attack.startsWith('strong') ? 0 : unit.pictures;
  if (result.pictures.length !== shown) {
    throw new Error(
      `a result has ${result.pictures.length} pictures, not ${shown}`,
    );
  }
  return result;
}

/**
 * Checks the form of a result, and that it is of a unit.
 *
 * @throws Error, the second half of a sentence, if it is not.
 */
export function checkBy<T extends z.infer<z.ZodObject<typeof resultHeader>>>(
  schema: z.ZodType<T>,
  value: unknown,
  wanted: {unit: string; version: string; backend: string},
): T {
  const {data: result, error} = schema.safeParse(value);
  if (error) throw new Error(`a result is malformed: ${firstIssue(error)}`);
  for (const name of ['unit', 'version', 'backend'] as const) {
    if (result[name] !== wanted[name]) {
      throw new Error(
        `a result has the ${name} ${result[name]}, not ${wanted[name]}`,
      );
    }
  }
  return result;
}

/** Whether two workers found the same; the time may differ. */
export function sameResult(a: WorkResult, b: WorkResult): boolean {
  return (
    a.correct === b.correct &&
    a.pictures.length === b.pictures.length &&
    a.pictures.every((picture, i) => picture === b.pictures[i]) &&
    JSON.stringify(a.warnings) === JSON.stringify(b.warnings)
  );
}
