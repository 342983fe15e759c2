import type {Attack} from '../../attacks/attack.js';
import type {ThreatModel} from '../../attacks/threat_models/threat_model.js';
import {dispose} from '../../ops/tidy.js';
import {attackAgain, needsGradients} from '../attack_again.js';
import {type Checked, median} from './sample.js';
import {boxSearch} from './box_search.js';
import type {EvaluationWarning} from './warning.js';

/** Checks of an attack on a sample of the examples that withstood it. */
export interface SurvivorCheck extends Checked {
  signal?: AbortSignal;
}

/** One more in several is chance; this share of the sample, and at least two, is not. */
const CLEARLY = 0.2;

const clearly = (fallen: number, of: number) =>
  fallen >= Math.max(2, CLEARLY * of);

/** Twice the steps, from a random start: do many of those that withstood fall? */
export async function checkConvergence({
  classifier,
  sample,
  attack,
  signal,
}: SurvivorCheck): Promise<EvaluationWarning[]> {
  const {name, options} = attack;
  const longer = attackAgain(attack, attack.threatModel, {
    steps: 2 * options.steps,
    randomStart: options.randomStart || true,
    restarts: 1,
    earlyStop: false,
    keep: 'best',
    seed: options.seed ?? 0,
  });
  const {images, labels} = sample;
  const found = await longer.perturbAsync(classifier, images, labels, {
    history: true,
    onNonFinite: () => {},
    signal,
  });
  const {best, steps} = await readAndDispose(found);
  const warnings: EvaluationWarning[] = [];
  const fallen = best.filter(m => !(m >= 0)).length;
  if (clearly(fallen, sample.size)) {
    warnings.push({
      code: 'not-converged',
      attack: name,
      message: `${name}: of ${sample.size} examples that withstood the attack, ${fallen} fall to it with ${2 * options.steps} steps from a random start. Take more steps, a higher learningRate or restarts, until the result no longer changes.`,
    });
  }
  const gaps = steps.flatMap(margins => {
    const [first, last] = [margins[0], margins[margins.length - 1]];
    const lowest = Math.min(...margins);
    const way = first - lowest;
    return way > 0.05 * Math.abs(first) ? [(last - lowest) / way] : [];
  });
  if (gaps.length >= Math.max(2, sample.size / 4) && median(gaps) > 0.5) {
    warnings.push({
      code: 'best-and-last-apart',
      attack: name,
      message: `${name}: the last iterate has lost ${(100 * median(gaps)).toFixed(0)} % of what the best one gained (the median of ${gaps.length} examples), so the search wanders. Take a lower learningRate or more steps, and keep 'best'.`,
    });
  }
  return warnings;
}

/** Bounds so large that nothing should withstand them, as far as they are allowed. */
const SCALES = [32, 16, 8, 4, 2];

/** Does a far larger bound bring accuracy down? */
export async function checkLargerBound({
  classifier,
  sample,
  attack,
  signal,
}: SurvivorCheck): Promise<EvaluationWarning[]> {
  const larger = firstAllowed(attack.threatModel);
  if (!larger) return [];
  const search = attackAgain(attack, larger, {
    // Steps of fixed length cross any bound.
    ...(needsGradients(attack) && {
      optimizer: 'sign',
      learningRate: undefined,
    }),
    steps: Math.min(Math.max(attack.options.steps, 20), 40),
    restarts: 1,
    earlyStop: true,
    keep: 'best',
    seed: attack.options.seed ?? 0,
  });
  const {images, labels} = sample;
  const found = await search.perturbAsync(classifier, images, labels, {
    onNonFinite: () => {},
    signal,
  });
  const {best} = await readAndDispose(found);
  const left = best.filter(m => m >= 0).length;
  if (!clearly(left, sample.size)) return [];
  return [
    {
      code: 'larger-bound-survived',
      attack: attack.name,
      message: `${attack.name}: of ${sample.size} examples that withstood the attack, ${left} also withstand ${larger.name}, where nothing should be left to recognize, so it is the search that fails. Look for what hides the gradient: rounding, saturation, randomness, non-differentiable layers.`,
    },
  ];
}

function firstAllowed(threatModel: ThreatModel): ThreatModel | null {
  for (const scale of SCALES) {
    try {
      return threatModel.with({scale});
    } catch {
      // Beyond what its bound may be.
    }
  }
  return null;
}

/** Does a search without gradients find what the one with gradients does not? */
export async function checkGradientFree({
  classifier,
  sample,
  attack,
  signal,
}: SurvivorCheck): Promise<EvaluationWarning[]> {
  const margins = await boxSearch(attack, classifier, sample, {signal});
  const fallen = margins.filter(m => !(m >= 0)).length;
  if (!clearly(fallen, sample.size)) return [];
  return [
    {
      code: 'gradient-free-is-stronger',
      attack: attack.name,
      message: `${attack.name}: of ${sample.size} examples that withstood the attack, ${fallen} fall to a short random search that uses no gradient, so the gradient misleads the attack. Look for what hides it: rounding, saturation, randomness, non-differentiable layers.`,
    },
  ];
}

type Found = Awaited<ReturnType<Attack['perturbAsync']>>;

/** The final margins, and of each example those of all steps. */
async function readAndDispose(
  found: Found,
): Promise<{best: number[]; steps: number[][]}> {
  const {margin, history} = found;
  try {
    const best = [...(await margin.data())];
    const values = history ? await history.margin.data() : [];
    const n = best.length;
    const steps = best.map((_, i) => [
      ...Array.from(
        {length: values.length / n},
        (_, step) => values[step * n + i],
      ),
    ]);
    return {best, steps};
  } finally {
    dispose(found);
  }
}
