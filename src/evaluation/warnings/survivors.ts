import * as tf from '@tensorflow/tfjs';
import type {Attack} from '../../attacks/attack.js';
import type {AttackOptions} from '../../attacks/options.js';
import type {ThreatModel} from '../../attacks/threat_models/threat_model.js';
import {dispose} from '../../ops/tidy.js';
import {attackAgain, needsGradients} from '../attack_again.js';
import {type Checked, median} from './sample.js';
import {boxSearch} from './box_search.js';
import type {EvaluationWarning} from './warning.js';

/** Checks of an attack on a sample of the examples that withstood it. */
export interface SurvivorCheck extends Checked {
  /** The share of all examples that withstood it. */
  share: number;
  signal?: AbortSignal;
}

/** What these searches show of gradients is known by now. */
const SILENT = {onNonFinite: () => {}, onZeroGradients: () => {}};

/** One more in several is chance; this share of the sample, and at least two, is not. */
const CLEARLY = 0.2;

const clearly = (fallen: number, of: number) =>
  fallen >= Math.max(2, CLEARLY * of);

/** By what share of all examples a longer search has to lower the accuracy. */
const LOWER = 0.1;

/**
 * Twice the steps, from a random start: do many of those that withstood fall, and
 * with them the accuracy?
 */
export async function checkConvergence({
  classifier,
  sample,
  attack,
  share,
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
    ...SILENT,
    signal,
  });
  const {best, steps} = await readAndDispose(found, options.smoothnessWeight);
  const warnings: EvaluationWarning[] = [];
  const fallen = best.filter(m => !(m >= 0)).length;
  const lower = (fallen / sample.size) * share;
  if (clearly(fallen, sample.size) && lower >= LOWER) {
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
    ...freely(attack),
  });
  const {images, labels} = sample;
  const found = await search.perturbAsync(classifier, images, labels, {
    ...SILENT,
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

/** A search of bounded cost for which everything inside the bounds is free. */
function freely({options}: Attack): AttackOptions {
  return {
    steps: Math.min(Math.max(options.steps, 20), 40),
    smoothnessWeight: 0,
    restarts: 1,
    earlyStop: true,
    keep: 'best',
    seed: options.seed ?? 0,
  };
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

/**
 * Does a search without gradients find what no search with them does? What
 * another search with gradients finds too, Auto-PGD on the margin, is no sign of
 * hidden gradients.
 */
export async function checkGradientFree({
  classifier,
  sample,
  attack,
  signal,
}: SurvivorCheck): Promise<EvaluationWarning[]> {
  if (!needsGradients(attack)) return [];
  const margins = await boxSearch(attack, classifier, sample, {signal});
  const fallen = margins.flatMap((m, i) => (m >= 0 ? [] : [i]));
  if (!clearly(fallen.length, sample.size)) return [];
  const better = attackAgain(attack, attack.threatModel, {
    ...freely(attack),
    optimizer: 'apgd',
    learningRate: undefined,
    loss: 'margin',
  });
  const places = tf.tensor1d(fallen, 'int32');
  const images = tf.gather(sample.images, places);
  const labels = tf.gather(sample.labels, places);
  try {
    const found = await better.perturbAsync(classifier, images, labels, {
      ...SILENT,
      signal,
    });
    const {best} = await readAndDispose(found);
    const hidden = best.filter(m => m >= 0).length;
    if (!clearly(hidden, sample.size)) return [];
    return [
      {
        code: 'gradient-free-is-stronger',
        attack: attack.name,
        message: `${attack.name}: of ${sample.size} examples that withstood the attack, ${hidden} fall to a short random search that uses no gradient, but not to Auto-PGD, so the gradient misleads attacks. Look for what hides it: rounding, saturation, randomness, non-differentiable layers.`,
      },
    ];
  } finally {
    tf.dispose([places, images, labels]);
  }
}

type Found = Awaited<ReturnType<Attack['perturbAsync']>>;

/** The final margins, and of each example what the search minimizes at all steps, if by the margin. */
async function readAndDispose(
  found: Found,
  smoothnessWeight = 0,
): Promise<{best: number[]; steps: number[][]}> {
  const {margin, history} = found;
  try {
    const best = [...(await margin.data())];
    const margins = history ? await history.margin.data() : [];
    const rough = history ? await history.smoothness.data() : [];
    const n = best.length;
    const steps = best.map((_, i) =>
      Array.from({length: margins.length / n}, (_, step) => {
        const at = step * n + i;
        return margins[at] + smoothnessWeight * rough[at];
      }),
    );
    return {best, steps};
  } finally {
    dispose(found);
  }
}
