import type {CustomLoss, LossName} from './losses.js';
import type {AttackOptimizer, OptimizerName} from './optimizers.js';
import {deprecated} from '../ops/deprecated.js';
import type {Variant} from './threat_models/threat_model.js';

/** How an attack searches. All are optional. */
export interface AttackOptions {
  /**
   * `paper` (the default), or `reference` for what the authors' released code
   * does; see {@link ReColor}. A spec takes it for all of its terms.
   */
  variant?: Variant;
  /** Steps of projected gradient descent. Default 100. */
  steps?: number;
  /**
   * `adam` (the default); `sign` for steps of fixed length along the gradient's
   * sign, or along the normalized gradient for an ℓ2 bound; `apgd` (Auto-PGD),
   * which chooses the length of its steps itself; `square`, a random search that
   * needs no gradient; or a custom {@link AttackOptimizer}.
   */
  optimizer?: OptimizerName | AttackOptimizer;
  /**
   * Default 0.001 for `adam`; for `sign`, 2.5 ε/steps of each term, so that a
   * search can cross its bound and come back; for `apgd`, the length of the
   * first step, 2ε of each term. `square` and custom optimizers ignore it.
   */
  learningRate?: number;
  /**
   * What to minimize: the `margin` by which the label wins (the default), its
   * `crossEntropy` negated, the `kl` divergence from the clean prediction,
   * negated, the `dlr` (difference of logits ratio) of Croce & Hein 2020, or a
   * function from logits and one-hot labels, both [N, classes], to a number per
   * example, [N].
   */
  loss?: LossName | CustomLoss;
  /** The margin is not pushed below −confidence. Default Infinity. */
  confidence?: number;
  /**
   * Weight of the smoothness loss of C and S in what is minimized. Default 0.05.
   * With 0, whatever is inside the bounds costs nothing.
   */
  smoothnessWeight?: number;
  /** @deprecated The former name of `smoothnessWeight`, until version 0.3. */
  smoothness?: number;
  /** How often to search; from the second time on from a random start. Default 1. */
  restarts?: number;
  /**
   * Start within the bounds at random, uniformly, or with normal noise of a
   * given standard deviation. Default false: start at the image; for `kl`, which
   * has no slope there, noise of standard deviation 0.001 as in TRADES.
   */
  randomStart?:
    | boolean
    | {
        /** In the units of the perturbation. */
        stddev: number;
      }
    | {
        /** @deprecated The former name of `stddev`, until version 0.3. */
        deviation: number;
      };
  /** Makes random starts repeatable: they then depend on this number and on each image alone. */
  seed?: number;
  /**
   * Return each example's `best` iterate (smallest margin) or the `last`. Default
   * `best`, but `last` for the `reference` variant, which does that.
   */
  keep?: 'best' | 'last';
  /** Stop with an example once it is misclassified, and take it out of the batch. Default false. */
  earlyStop?: boolean;
  /** Labels are the classes to be reached instead of the true ones. Default false. */
  targeted?: boolean;
  /**
   * Forward passes for each step, over which loss, gradient and margin are
   * averaged: expectation over transformation (Athalye et al. 2018), for
   * classifiers whose outputs differ from pass to pass. Default 1.
   */
  eotSamples?: number;
}

/** How searches start: `true` within the bounds, uniformly; `false` at the image; or with normal noise. */
export type RandomStart =
  | boolean
  | {
      /** Its standard deviation, in the units of the perturbation. */
      stddev: number;
    };

/** {@link AttackOptions} with the defaults filled in. */
export type ResolvedOptions = Required<
  Omit<AttackOptions, 'learningRate' | 'seed' | 'smoothness' | 'randomStart'>
> &
  Pick<AttackOptions, 'learningRate' | 'seed'> & {
    /** See {@link AttackOptions.randomStart}. */
    randomStart: RandomStart;
  };

type Check = [test: (x: unknown) => boolean, wanted: string];

const oneOf = (...allowed: string[]): Check => [
  x => allowed.includes(x as string),
  `one of ${allowed.join(', ')}`,
];
const isBoolean: Check = [x => typeof x === 'boolean', 'true or false'];
const whole = (min: number): Check => [
  x => Number.isSafeInteger(x) && (x as number) >= min,
  `a whole number of at least ${min}`,
];
const isNumber = (x: unknown) => typeof x === 'number' && !Number.isNaN(x);

const OPTIMIZERS: readonly string[] = [
  'adam',
  'sign',
  'apgd',
  'square',
] satisfies OptimizerName[];

const LOSSES: readonly string[] = [
  'margin',
  'crossEntropy',
  'kl',
  'dlr',
] satisfies LossName[];

function isOptimizer(x: unknown): x is AttackOptimizer {
  const {init, update} = (x ?? {}) as Partial<AttackOptimizer>;
  return typeof init === 'function' && typeof update === 'function';
}

const notNegative: Check = [
  x => isNumber(x) && (x as number) >= 0 && Number.isFinite(x),
  'a number of at least 0',
];

const CHECKS: Record<keyof AttackOptions, Check> = {
  variant: oneOf('paper', 'reference'),
  steps: whole(0),
  optimizer: [
    x => OPTIMIZERS.includes(x as string) || isOptimizer(x),
    `one of ${OPTIMIZERS.join(', ')}, or an object with the functions init and update`,
  ],
  learningRate: [
    x => isNumber(x) && (x as number) > 0 && Number.isFinite(x),
    'a number above 0',
  ],
  loss: [
    x => LOSSES.includes(x as string) || typeof x === 'function',
    `one of ${LOSSES.join(', ')}, or a function from logits and labels to a number per example`,
  ],
  confidence: [
    x => isNumber(x) && (x as number) >= 0,
    'a number of at least 0, or Infinity',
  ],
  smoothnessWeight: notNegative,
  smoothness: notNegative,
  restarts: whole(1),
  randomStart: [
    x => {
      const {stddev, deviation} = (x ?? {}) as Record<string, unknown>;
      const size = stddev ?? deviation;
      return (
        typeof x === 'boolean' ||
        (Number.isFinite(size) && (size as number) >= 0)
      );
    },
    'true, false or {stddev: number}',
  ],
  seed: whole(0),
  keep: oneOf('best', 'last'),
  earlyStop: isBoolean,
  targeted: isBoolean,
  eotSamples: whole(1),
};

/** Without former names. */
const NAMES = Object.keys(CHECKS).filter(name => name !== 'smoothness');

/** Where the divergence from the clean prediction begins to have a slope. */
const KL_START = {stddev: 0.001};

/**
 * Fills in the defaults.
 *
 * @throws Error naming the option that is unknown or out of range.
 */
export function resolveOptions(options: AttackOptions): ResolvedOptions {
  if (typeof options !== 'object' || options === null) {
    throw new Error(
      `Attack options are an object such as {steps: 20}, not ${show(options)}.`,
    );
  }
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(CHECKS, name)) {
      throw new Error(
        `There is no attack option '${name}'.${elsewhere(name)} There are ${NAMES.join(', ')}.`,
      );
    }
    const [test, wanted] = CHECKS[name as keyof AttackOptions];
    if (value !== undefined && !test(value)) {
      throw new Error(
        `The attack option ${name} must be ${wanted}, but is ${show(value)}.`,
      );
    }
  }
  const given = Object.fromEntries(
    Object.entries(withNewNames(options)).filter(
      ([, value]) => value !== undefined,
    ),
  );
  checkTogether(options);
  return {
    variant: 'paper',
    steps: 100,
    optimizer: 'adam',
    loss: 'margin',
    confidence: Infinity,
    smoothnessWeight: 0.05,
    restarts: 1,
    randomStart: options.loss === 'kl' && options.steps !== 0 && KL_START,
    keep: options.variant === 'reference' ? 'last' : 'best',
    earlyStop: false,
    targeted: false,
    eotSamples: 1,
    ...given,
  };
}

/** The options by their present names, with a note on the console about the former ones. */
function withNewNames({smoothness, randomStart, ...options}: AttackOptions) {
  const renamed: AttackOptions = {...options, randomStart};
  if (smoothness !== undefined) {
    deprecated('smoothness', 'smoothnessWeight');
    renamed.smoothnessWeight ??= smoothness;
  }
  if (typeof randomStart === 'object' && 'deviation' in randomStart) {
    deprecated('randomStart: {deviation}', 'randomStart: {stddev}');
    renamed.randomStart = {stddev: randomStart.deviation};
  }
  return renamed;
}

/** @throws Error for an option that the chosen loss would ignore. */
function checkTogether({loss, targeted, confidence}: AttackOptions): void {
  if (loss === 'kl' && targeted) {
    throw new Error(
      "The loss 'kl' knows no target, so it cannot be targeted: use 'crossEntropy' or 'margin'.",
    );
  }
  if ((loss ?? 'margin') !== 'margin' && (confidence ?? Infinity) < Infinity) {
    throw new Error(
      `The attack option confidence clamps the loss 'margin' only, but the loss is ${show(loss)}: leave confidence out.`,
    );
  }
}

/** Where the bound is given, for those who look for it among the options. */
function elsewhere(name: string): string {
  return /^(eps(ilon)?|bounds?|norm|max_?norm)$/i.test(name)
    ? " A bound belongs to the attack: 'D(0.03)' or 'C(0.06)', or new Delta({epsilon: 0.5, norm: 'l2'})."
    : '';
}

/** As it is written in code: JSON has no NaN and no Infinity. */
function show(value: unknown): string {
  return typeof value === 'number' || typeof value === 'function'
    ? String(value)
    : JSON.stringify(value);
}
