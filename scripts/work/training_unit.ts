import {z} from 'zod';
import {findRow} from '../paper_rows.js';
import {NETWORKS} from '../models.js';
import {OBJECTIVES} from '../training/objectives.js';
import type {OnNaN} from '../training/finite_guard.js';
import type {Settings} from '../training/settings.js';
import {checkBy, resultHeader} from './result.js';
import {
  count,
  header,
  nameBy,
  parseBy,
  positive,
  sha256,
  UNIT_FORMAT,
  VERSION,
} from './unit.js';

const names = <T extends string>(of: Record<T, unknown>) =>
  z.enum(Object.keys(of) as [T, ...T[]]);
const share = z.number().min(0).max(1);
const amount = z.number().min(0);

const settings: z.ZodType<Settings> = z.strictObject({
  defense: z.string().max(100),
  network: names(NETWORKS),
  epochs: positive(100_000),
  batch: positive(50_000),
  attack: z.string().max(1000).nullable(),
  smoothness: z.enum(['price', 'bound']).nullable(),
  union: z.enum(['worst', 'mean', 'random', 'adaptive']).nullable(),
  crafting: z.enum(['pgd', 'fast']).nullable(),
  mix: z.union([z.enum(['adversarial', 'both']), share]).nullable(),
  objective: names(OBJECTIVES).nullable(),
  labelSmoothing: share.nullable(),
  awp: share.nullable(),
  onOverfitting: z.enum(['warn', 'restore']).nullable(),
  steps: count(1_000_000),
  boundWarmUp: count(100_000),
  attackLearningRate: amount.nullable(),
  optimizer: z.enum(['adam', 'momentum']),
  learningRate: amount,
  schedule: z.enum(['constant', 'steps', 'cosine', 'one-cycle']),
  warmUp: amount,
  weightDecay: amount,
  ema: share,
  examples: positive(50_000),
  heldOut: count(50_000),
  init: z.string().max(4096).nullable(),
  seed: count(Number.MAX_SAFE_INTEGER),
});

const schema = z.strictObject({
  kind: z.literal('training'),
  ...header,
  /** SHA-256 of the files of the model that training starts from. */
  model: sha256.optional(),
  /** SHA-256 of the training images. */
  data: sha256,
  settings,
  onNaN: z.enum(['stop', 'skip']),
  /** Minutes between two checkpoints, which other workers go on from. */
  checkpointMinutes: amount,
});

/** A unit of work of `train`: one row, from its start or its last checkpoint to its end. */
export type TrainingUnit = z.infer<typeof schema>;

export const trainingName = (unit: TrainingUnit) => nameBy(schema, unit);

/** Batches of all epochs. */
export const batchesOf = ({settings}: Pick<TrainingUnit, 'settings'>) => {
  const {examples, heldOut, batch, epochs} = settings;
  return epochs * Math.floor((examples - heldOut) / batch);
};

/** @throws Error with one sentence if it is no unit. */
export function parseTraining(value: unknown): TrainingUnit {
  const unit = parseBy(schema, value);
  const {defense, init} = unit.settings;
  if (findRow(defense).name !== defense || !(batchesOf(unit) > 0)) {
    throw new Error('This is no unit of work: it trains no row.');
  }
  if ((init === null) !== (unit.model === undefined)) {
    throw new Error('This is no unit of work: its start is not with it.');
  }
  return unit;
}

export interface TrainingUnitArgs {
  backend: string;
  model?: string;
  data: string;
  settings: Settings;
  onNaN: OnNaN;
  checkpointMinutes: number;
}

export function makeTraining(args: TrainingUnitArgs): TrainingUnit {
  const head = {kind: 'training', format: UNIT_FORMAT, version: VERSION};
  return parseTraining({...head, ...args});
}

const resultSchema = z.strictObject({
  ...resultHeader,
  /** SHA-256 of the bundle of the trained row's files. */
  files: sha256,
});

export type TrainingResult = z.infer<typeof resultSchema>;

/** @throws Error, the second half of a sentence, if it is no result of this unit. */
export function checkTraining(
  value: unknown,
  unit: TrainingUnit,
): TrainingResult {
  return checkBy(resultSchema, value, {...unit, unit: trainingName(unit)});
}
