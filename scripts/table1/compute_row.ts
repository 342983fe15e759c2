import {
  attack as makeAttack,
  attackExamples,
  type AttackOptions,
  type Classifier,
  type EvaluationWarning,
  evaluateRobustness,
  type ImageSet,
  type Variant,
} from '../../src/index.js';
import {encodePng} from '../../src/node.js';
import {
  attackOptions,
  isStrong,
  type SearchOptions,
} from '../../src/cli/search_options.js';
import type {PartPlace, PartStore} from './part_store.js';
import type {Part, TableSettings} from './types.js';

export interface RowModel {
  name: string;
  /** SHA-256 of its files. */
  digest: string;
  model: Classifier;
}

export interface ComputeArgs {
  settings: TableSettings;
  search: SearchOptions;
  data: ImageSet;
  columns: string[];
  variants: Variant[];
  store: PartStore;
  /** Called for each example finished; `fresh` is false where it was known already. */
  onExamples(count: number, place: PartPlace, fresh: boolean): void;
  signal?: AbortSignal;
}

/** The parts of a cell, the same whenever it is computed: results do not depend on interruptions. */
export function partPlaces(
  {row, variant, attack}: Omit<PartPlace, 'begin' | 'end'>,
  examples: number,
  size: number,
): PartPlace[] {
  return Array.from({length: Math.ceil(examples / size)}, (_, i) => {
    const begin = i * size;
    const end = Math.min(begin + size, examples);
    return {row, variant, attack, begin, end};
  });
}

/** Computes the parts of one row that are not in the store yet. */
export async function computeRow(
  row: RowModel,
  args: ComputeArgs,
): Promise<void> {
  const {settings, data, columns, variants, store, onExamples, signal} = args;
  const places = variants.flatMap(variant =>
    columns.flatMap(attack => {
      const cell = {row: row.name, variant, attack};
      return partPlaces(cell, data.size, settings.part);
    }),
  );
  for (const place of places) {
    if (signal?.aborted) return;
    if (await store.read(place)) {
      onExamples(place.end - place.begin, place, false);
      continue;
    }
    const part = await computePart(row.model, place, args);
    if (part) await store.write(place, part);
  }
}

/** Null if it was stopped. */
async function computePart(
  model: Classifier,
  place: PartPlace,
  args: ComputeArgs,
): Promise<Part | null> {
  const options = attackOptions(args.search, place.variant);
  const started = performance.now();
  const found = isStrong(place.attack)
    ? await evaluateStrongly(model, place, options, args)
    : await attackAll(model, place, options, args);
  if (found.correct.length < place.end - place.begin) return null;
  const seconds = (performance.now() - started) / 1000;
  if (place.begin > 0 || args.signal?.aborted) return {...found, seconds};
  const warnings = await warningsOf(model, place, options, args);
  return {...found, seconds, ...(warnings.length > 0 && {warnings})};
}

type Found = Omit<Part, 'seconds' | 'warnings'>;

/** Number of leading examples that are looked at for reasons not to trust a cell. */
const CHECKED = 16;

/** Warnings of an evaluation of a few examples. The legend says already which bounds are out of reach. */
async function warningsOf(
  model: Classifier,
  {attack, variant}: PartPlace,
  options: AttackOptions,
  {settings, data, signal}: ComputeArgs,
): Promise<EvaluationWarning[]> {
  const few = data.slice(0, Math.min(CHECKED, data.size));
  const {warnings} = await evaluateRobustness(model, few, {
    ...options,
    earlyStop: variant === 'paper',
    attacks: [attack],
    batchSize: settings.batch,
    signal,
  });
  return warnings.filter(({code}) => code !== 'bound-out-of-reach');
}

async function attackAll(
  model: Classifier,
  place: PartPlace,
  options: AttackOptions,
  {settings, data, onExamples, signal}: ComputeArgs,
): Promise<Found> {
  const {attack, variant, begin, end} = place;
  const {batch, pictures} = settings;
  const survived: boolean[] = [];
  const shown: string[] = [];
  let finished = 0;
  const earlyStop = variant === 'paper';
  const search = makeAttack(attack, {...options, earlyStop});
  const wanted = (index: number) => begin + index < pictures;
  await attackExamples(search, model, data.slice(begin, end), {
    batchSize: batch,
    signal,
    ...(begin < pictures && {wanted}),
    onFinished: ({index, margin, adversarial}) => {
      survived[index] = margin >= 0;
      if (adversarial) shown[index] = picture(adversarial, data.shape);
      finished++;
      onExamples(1, place, true);
    },
  });
  const correct = finished < end - begin ? '' : survived.map(Number).join('');
  return {correct, pictures: shown};
}

/** Several searches have no single perturbed image to show. */
async function evaluateStrongly(
  model: Classifier,
  place: PartPlace,
  options: AttackOptions,
  {settings, data, onExamples, signal}: ComputeArgs,
): Promise<Found> {
  const {attack, begin, end} = place;
  let told = 0;
  const {results} = await evaluateRobustness(model, data.slice(begin, end), {
    ...options,
    attacks: [attack],
    batchSize: settings.batch,
    signal,
    onProgress: ({done}) => {
      if (done > told) onExamples(done - told, place, true);
      told = Math.max(told, done);
    },
  });
  return {
    correct: signal?.aborted ? '' : (results[0]?.correct ?? ''),
    pictures: [],
  };
}

function picture(
  values: Float32Array,
  shape: readonly [number, number, number],
): string {
  const data = new Uint8ClampedArray(values.length);
  values.forEach((x, i) => (data[i] = 255 * x));
  return encodePng({data, shape: [...shape]}).toString('base64');
}
