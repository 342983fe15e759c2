import type {Command} from 'commander';
import {Option} from 'commander';
import {attack, type AttackOptions, type Variant} from '../index.js';
import {notNegative, positive, stepsOption, whole} from './options.js';

/** How attacks search, as the command line gives it. */
export interface SearchOptions {
  steps: number;
  optimizer?: string;
  loss?: string;
  learningRate?: number;
  smoothnessWeight?: number;
  restarts: number;
  seed: number;
}

export function addSearchOptions(program: Command): Command {
  return program
    .addOption(stepsOption())
    .addOption(
      new Option(
        '--optimizer <name>',
        'of each attack (default: adam, as in the paper)',
      ).choices(['adam', 'sign', 'apgd']),
    )
    .addOption(
      new Option(
        '--loss <name>',
        'that each attack minimizes (default: margin, as in the paper)',
      ).choices(['margin', 'crossEntropy', 'kl', 'dlr']),
    )
    .option(
      '--learning-rate <x>',
      'of each attack (default: 0.001 for adam, as in the paper)',
      positive,
    )
    .option(
      '--smoothness-weight <x>',
      'weight of the smoothness loss of C and S (default: 0.05, as in the paper)',
      notNegative,
    )
    .option(
      '--restarts <n>',
      'searches of each attack, from the second one on from a random start',
      whole(1),
      1,
    );
}

/** What the library calls these options. The one place that maps their names. */
export function attackOptions(
  {smoothnessWeight, ...options}: SearchOptions,
  variant: Variant,
): AttackOptions {
  const {steps, optimizer, loss, learningRate, restarts, seed} = options;
  return {
    ...{steps, learningRate, restarts, seed, variant},
    optimizer: optimizer as AttackOptions['optimizer'],
    loss: loss as AttackOptions['loss'],
    smoothnessWeight,
  };
}

/** The settings of a search with the defaults of the library filled in. */
export interface SearchSettings {
  steps: number;
  optimizer: string;
  loss: string;
  /** Null where the library derives it from each bound. */
  learningRate: number | null;
  smoothnessWeight: number;
  restarts: number;
}

export function searchSettings(options: SearchOptions): SearchSettings {
  const {optimizer = 'adam', steps, restarts, loss = 'margin'} = options;
  const standard = optimizer === 'adam' ? 0.001 : null;
  return {
    ...{steps, optimizer, loss, restarts},
    learningRate: options.learningRate ?? standard,
    smoothnessWeight: options.smoothnessWeight ?? 0.05,
  };
}

/** What help and reports say of every evaluation by single searches. */
export const SINGLE_SEARCH =
  "A single search, such as the default of 100 steps of Adam (the paper's), leaves out what strong(SPEC) finds: of the first 100 CIFAR-10 test images, 33 withstand D on the authors' model against it, but 26 withstand strong(D).";

/** {@link SINGLE_SEARCH}, if any of the attacks is one. */
export function singleSearchNote(specs: string[]): string[] {
  return specs.some(spec => spec !== 'None' && !isStrong(spec))
    ? [SINGLE_SEARCH]
    : [];
}

/** How the attacks of a list searched: those of a strong evaluation are its own. */
export function describeAttacks(
  settings: SearchSettings,
  specs: string[],
): string {
  const single = describeSearch(settings);
  return specs.some(isStrong)
    ? `Each attack but strong(…), whose searches are its own: ${single}`
    : `Each attack: ${single}`;
}

/** Reports say with it how attacks searched. */
export function describeSearch(settings: SearchSettings): string {
  const {steps, optimizer, loss, learningRate, smoothnessWeight} = settings;
  const rate =
    learningRate === null
      ? 'step size derived from each bound'
      : `learning rate ${learningRate}`;
  const {restarts} = settings;
  return `${steps} steps of ${optimizer}, ${rate}, loss ${loss}, smoothness weight ${smoothnessWeight}, ${restarts} ${restarts === 1 ? 'search' : 'searches'}`;
}

/** The specs of a list. Commas also separate the arguments within parentheses. */
export function splitSpecs(text: string): string[] {
  const specs = [''];
  let depth = 0;
  for (const character of text) {
    if (character === '(') depth++;
    if (character === ')') depth--;
    if (character === ',' && depth === 0) specs.push('');
    else specs[specs.length - 1] += character;
  }
  return specs.map(spec => spec.trim());
}

const STRONG = /^strong(?:\((.*)\))?$/s;

/** Whether a spec asks for a strong evaluation, `strong(C+S+D)`, which is several searches and no single attack. */
export function isStrong(spec: string): boolean {
  return STRONG.test(spec);
}

/**
 * Checks a spec before any work and returns the name that reports give it. The
 * arguments of `strong(…)` that are no attack, such as a budget, are left for
 * the evaluation to check.
 *
 * @throws Error with one sentence if the attack or an option is not allowed.
 */
export function checkSpec(spec: string, options: AttackOptions = {}): string {
  const strong = STRONG.exec(spec);
  if (!strong) return attack(spec, options).name;
  // The options must be allowed all the same.
  attack('None', options);
  if (strong[1] === undefined) return 'strong';
  const [inner, ...rest] = splitSpecs(strong[1]);
  const name = attack(inner, {variant: options.variant}).name;
  return `strong(${[name, ...rest].join(', ')})`;
}

/**
 * A sentence for each list of attacks that cannot reach their bound: Adam moves
 * a parameter by about its learning rate in a step, and a sign step by exactly
 * that.
 */
export function reachWarnings(
  specs: string[],
  {steps, optimizer, learningRate}: SearchSettings,
): string[] {
  if (learningRate === null || optimizer === 'apgd' || steps === 0) return [];
  const reach = steps * learningRate;
  const terms = new Set(
    specs
      .filter(spec => spec !== 'None' && !isStrong(spec))
      .flatMap(spec => spec.split('+').map(term => term.trim())),
  );
  const short = [...terms]
    .map(term => ({
      term,
      bound: Math.max(0, ...attack(term).threatModel.bounds()),
    }))
    // Rounding must not warn of a reach that is the bound itself.
    .filter(({bound}) => reach < bound * (1 - 1e-6));
  if (short.length === 0) return [];
  const bounds = short
    .map(({term, bound}) => `${term} (${Number(bound.toPrecision(3))})`)
    .join(', ');
  const least = Math.max(...short.map(({bound}) => bound)) / steps;
  return [
    `${steps} steps of ${learningRate} move a parameter by at most ${Number(reach.toPrecision(3))}, less than the bound of ${bounds}: the accuracies are too high. Give more --steps or a --learning-rate of at least ${Number(least.toPrecision(2))}, better ${Number((0.1 / steps).toPrecision(2))}.`,
  ];
}
