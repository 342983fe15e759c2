import type {Attack} from '../../attacks/attack.js';
import {NON_FINITE} from '../../attacks/gradient_warnings.js';
import type {Classifier} from '../../models/logits.js';
import {dispose} from '../../ops/tidy.js';
import type {LoadedExamples} from '../loaded_examples.js';
import {isSearch, needsGradients} from '../attack_again.js';
import {checkCleanAccuracy} from './clean_accuracy.js';
import {checkGradients} from './gradients.js';
import {checkOutputs} from './outputs.js';
import {checkReach} from './reach.js';
import {spread, takeExamples} from './sample.js';
import {
  checkConvergence,
  checkGradientFree,
  checkLargerBound,
} from './survivors.js';
import type {EvaluationWarning} from './warning.js';

/** A sample of survivors is an eighth of the examples, but no fewer nor more than this. */
const SURVIVORS = [4, 16];

/**
 * Looks for reasons not to believe an evaluation, and says each once on the
 * console. Its cost is bounded: forward and backward passes on at most 32
 * examples, and for each attack on at most 16 of those that withstood it.
 */
export class Checks {
  readonly warnings: EvaluationWarning[] = [];

  constructor(
    private readonly classifier: Classifier,
    private readonly data: LoadedExamples,
    private readonly signal: AbortSignal | undefined,
    private readonly beforeWarning: () => void = () => {},
  ) {}

  /** Adds a warning, if there is none like it yet. */
  add(warning: EvaluationWarning): void {
    const {warnings} = this;
    const {code, attack} = warning;
    if (warnings.some(w => w.code === code && w.attack === attack)) return;
    warnings.push(warning);
    this.beforeWarning();
    console.warn(`tfjs-adversarial: ${warning.message} [${code}]`);
  }

  addNonFinite(attack: string, examples: number): void {
    const message = `${attack}: for ${examples} or more of the images ${NON_FINITE}.`;
    this.add({code: 'non-finite-gradients', attack, message});
  }

  /** To be called before the first search: the model, the data and the options. */
  async before(attacks: Attack[]): Promise<void> {
    const {size} = this.data;
    const all = Array.from({length: size}, (_, i) => i);
    const sample = takeExamples(this.data, spread(all));
    const [attack] = attacks;
    const checked = {classifier: this.classifier, sample, attack};
    try {
      const outputs = await checkOutputs(checked);
      outputs.forEach(warning => this.add(warning));
      const noisy = this.outputsDiffer;
      const tied = outputs.some(({code}) => code === 'ties');
      const slopes = attacks.some(needsGradients)
        ? await checkGradients(checked)
        : [];
      const found = [
        ...(await checkCleanAccuracy(checked, {comparable: !noisy && !tied})),
        // Two passes that differ by noise say nothing about a slope.
        ...slopes.filter(w => !noisy || w.code !== 'misleading-gradients'),
        ...attacks.flatMap(checkReach),
      ];
      found.forEach(warning => this.add(warning));
    } finally {
      dispose(sample);
    }
  }

  /** Whether the model's outputs were found to differ from pass to pass. */
  get outputsDiffer(): boolean {
    return this.warnings.some(({code}) => code === 'outputs-differ');
  }

  /** To be called after an attack, with the places of the examples that withstood it. */
  async after(attack: Attack, survivors: number[]): Promise<void> {
    const [fewest, most] = SURVIVORS;
    const count = Math.ceil(this.data.size / 8);
    const places = spread(survivors, Math.min(Math.max(count, fewest), most));
    // What follows from luck says nothing.
    const noisy = this.outputsDiffer;
    if (!isSearch(attack) || noisy || places.length < 2) return;
    const {classifier, signal} = this;
    const sample = takeExamples(this.data, places);
    try {
      for (const check of [
        checkConvergence,
        checkLargerBound,
        checkGradientFree,
      ]) {
        const found = await check({
          ...{classifier, sample, attack, signal},
          share: survivors.length / this.data.size,
        });
        found.forEach(warning => this.add(warning));
        if (signal?.aborted) return;
      }
    } catch (error) {
      if (!signal?.aborted) throw error;
    } finally {
      dispose(sample);
    }
  }
}
