import {createHash} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {z} from 'zod';
import type {ImageSet, Variant} from '../../src/index.js';
import {checkSpec, type SearchOptions} from '../../src/cli/search_options.js';

/** Changes whenever a unit or its result means something else. */
export const UNIT_FORMAT = 1;

/** Version of this package. Another version may compute other results. */
export const VERSION: string = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
).version;

export const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
export const count = (max: number) => z.number().int().min(0).max(max);
export const positive = (max: number) => z.number().int().min(1).max(max);

/** What all units have. */
export const header = {
  format: z.literal(UNIT_FORMAT),
  version: z.string().min(1).max(64),
  backend: z.string().regex(/^[a-z0-9-]{1,32}$/),
};

/** How an attack searches. The limits bound the memory that a unit can ask for. */
export const search = z.strictObject({
  steps: count(1_000_000),
  optimizer: z.enum(['adam', 'sign', 'apgd']).optional(),
  loss: z.enum(['margin', 'crossEntropy', 'kl', 'dlr']).optional(),
  learningRate: z.number().positive().optional(),
  smoothnessWeight: z.number().min(0).optional(),
  restarts: positive(10_000),
  seed: count(Number.MAX_SAFE_INTEGER),
});

const schema = z.strictObject({
  ...header,
  /** SHA-256 of the model's files. */
  model: sha256,
  /** SHA-256 of the examples `begin` to `end`. */
  data: sha256,
  attack: z.string().min(1).max(300),
  variant: z.enum(['paper', 'reference']),
  search,
  batch: positive(10_000),
  /** Number of leading examples whose perturbed images are kept. */
  pictures: count(10_000),
  /** Examples `begin` to `end`, exclusive, of the CIFAR-10 test set. */
  begin: count(10_000),
  end: count(10_000),
});

/**
 * A unit of work of the table: a model under an attack on a range of examples. It
 * holds everything that its result follows from and is computed the same way in
 * this process, in another one or on another machine.
 */
export type WorkUnit = z.infer<typeof schema>;

/**
 * The name of a unit: SHA-256 of its fields, in the order of the schema. Two
 * units of the same name have the same result.
 */
export const unitName = (unit: WorkUnit) => nameBy(schema, unit);

/** SHA-256 of a unit's fields, in the order of its schema. */
export function nameBy(schema: z.ZodType, unit: unknown): string {
  const fields = JSON.stringify(schema.parse(unit));
  return createHash('sha256').update(fields).digest('hex');
}

/**
 * Checks a unit that another process sent. It can ask for a computation within
 * the limits of the schema and for nothing else.
 *
 * @throws Error with one sentence if it is no unit.
 */
export function parseUnit(value: unknown): WorkUnit {
  const unit = parseBy(schema, value);
  if (unit.end <= unit.begin || unit.pictures > unit.end - unit.begin) {
    throw new Error('This is no unit of work: its examples are out of order.');
  }
  const name = checkSpec(unit.attack, {variant: unit.variant});
  if (name !== unit.attack) {
    throw new Error(`This is no unit of work: ${name} is its attack's name.`);
  }
  return unit;
}

/** @throws Error with one sentence if a schema does not allow a value. */
export function parseBy<T>(schema: z.ZodType<T>, value: unknown): T {
  const {data, error} = schema.safeParse(value);
  if (error) throw new Error(`This is no unit of work: ${firstIssue(error)}.`);
  return data;
}

/** The first thing that a schema does not allow, with its place. */
export function firstIssue(error: z.ZodError): string {
  const {path, message} = error.issues[0];
  return `${path.length > 0 ? `${path.join('.')}: ` : ''}${message}`;
}

export interface UnitArgs {
  backend: string;
  model: string;
  attack: string;
  variant: Variant;
  search: SearchOptions;
  batch: number;
  /** Number of leading examples of the whole data whose images are kept. */
  pictures: number;
  begin: number;
  end: number;
}

/** @param digest SHA-256 of the examples `begin` to `end`. */
export function makeUnit(args: UnitArgs, digest: string): WorkUnit {
  const {begin, end, search, pictures, ...rest} = args;
  return schema.parse({
    ...{format: UNIT_FORMAT, version: VERSION, ...rest, data: digest},
    search: searchOf(search),
    pictures: Math.max(0, Math.min(pictures, end) - begin),
    ...{begin, end},
  });
}

/** Of the options of a command, those that say how attacks search. */
export function searchOf(options: SearchOptions) {
  const {steps, optimizer, loss, learningRate} = options;
  const {smoothnessWeight, restarts, seed} = options;
  return {
    ...{steps, optimizer, loss, learningRate},
    ...{smoothnessWeight, restarts, seed},
  };
}

/** SHA-256 of the images and labels. */
export function dataDigest(data: ImageSet): string {
  const hash = createHash('sha256').update(data.images).update(data.labels);
  return hash.digest('hex');
}
