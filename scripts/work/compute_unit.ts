import {
  attack as makeAttack,
  attackExamples,
  type AttackOptions,
  type Classifier,
  type EvaluationWarning,
  evaluateRobustness,
  type ImageSet,
} from '../../src/index.js';
import {encodePng} from '../../src/node.js';
import {attackOptions, isStrong} from '../../src/cli/search_options.js';
import type {WorkUnit} from './unit.js';

export interface ComputeUnitArgs {
  model: Classifier;
  /** The unit's examples alone. */
  data: ImageSet;
  /** Called with the number of examples finished since the last call. */
  onExamples(count: number): void;
  signal?: AbortSignal;
}

/** What a unit's computation finds. */
export interface Found {
  correct: string;
  pictures: string[];
  seconds: number;
  /** Of a cell's first part: what a check of its first examples found. */
  warnings?: EvaluationWarning[];
}

/** Null if it was stopped. */
export async function computeUnit(
  unit: WorkUnit,
  args: ComputeUnitArgs,
): Promise<Found | null> {
  const options = attackOptions(unit.search, unit.variant);
  const started = performance.now();
  const found = isStrong(unit.attack)
    ? await evaluateStrongly(unit, options, args)
    : await attackAll(unit, options, args);
  if (found.correct.length < unit.end - unit.begin) return null;
  const seconds = (performance.now() - started) / 1000;
  if (unit.begin > 0 || args.signal?.aborted) return {...found, seconds};
  const warnings = await warningsOf(unit, options, args);
  return {...found, seconds, ...(warnings.length > 0 && {warnings})};
}

/** Number of leading examples that are looked at for reasons not to trust a cell. */
const CHECKED = 16;

/** Warnings of an evaluation of a few examples. The legend says already which bounds are out of reach. */
async function warningsOf(
  {attack, variant, batch}: WorkUnit,
  options: AttackOptions,
  {model, data, signal}: ComputeUnitArgs,
): Promise<EvaluationWarning[]> {
  const few = data.slice(0, Math.min(CHECKED, data.size));
  const {warnings} = await evaluateRobustness(model, few, {
    ...options,
    earlyStop: variant === 'paper',
    attacks: [attack],
    progress: false,
    batchSize: batch,
    signal,
  });
  return warnings.filter(({code}) => code !== 'bound-out-of-reach');
}

async function attackAll(
  {attack, variant, batch, pictures, begin, end}: WorkUnit,
  options: AttackOptions,
  {model, data, onExamples, signal}: ComputeUnitArgs,
): Promise<Omit<Found, 'seconds' | 'warnings'>> {
  const survived: boolean[] = [];
  const shown: string[] = [];
  let finished = 0;
  const earlyStop = variant === 'paper';
  const search = makeAttack(attack, {...options, earlyStop});
  await attackExamples(search, model, data, {
    batchSize: batch,
    signal,
    ...(pictures > 0 && {wanted: (index: number) => index < pictures}),
    onFinished: ({index, margin, adversarial}) => {
      survived[index] = margin >= 0;
      if (adversarial) shown[index] = picture(adversarial, data.shape);
      finished++;
      onExamples(1);
    },
  });
  const correct = finished < end - begin ? '' : survived.map(Number).join('');
  return {correct, pictures: shown};
}

/** Several searches have no single perturbed image to show. */
async function evaluateStrongly(
  {attack, batch}: WorkUnit,
  options: AttackOptions,
  {model, data, onExamples, signal}: ComputeUnitArgs,
): Promise<Omit<Found, 'seconds' | 'warnings'>> {
  let told = 0;
  const {results} = await evaluateRobustness(model, data, {
    ...options,
    attacks: [attack],
    progress: false,
    batchSize: batch,
    signal,
    onProgress: ({done}) => {
      if (done > told) onExamples(done - told);
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
