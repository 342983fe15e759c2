import type * as tf from '@tensorflow/tfjs';
import {breathe} from '../ops/event_loop.js';
import {type Reading, runAsync, runSync} from '../ops/reading.js';
import type {Classifier} from '../models/logits.js';
import {openDisplay} from '../progress/display.js';
import {checkProgress, type ProgressOption} from '../progress/report.js';
import {Task} from '../progress/task.js';
import {
  type AttackOptions,
  type ResolvedOptions,
  resolveOptions,
} from './options.js';
import {perturbing, type SearchedBatch} from './perturb.js';
import {parseSpec} from './threat_models/spec.js';
import {isThreatModel, type ThreatModel} from './threat_models/threat_model.js';

/** What {@link Attack.perturb} gives; all of it is the caller's to dispose. */
export interface Perturbed {
  /** [N, H, W, C], in [0, 1] and inside the bounds. */
  adversarial: tf.Tensor4D;
  /**
   * By how much each example's label still wins, in logits, [N]: negative where
   * the attack succeeded. Targeted: by how much the target is still behind. NaN
   * where the classifier gives NaN. Of a classifier whose outputs differ from
   * pass to pass it is that of fresh passes over the result, `eotSamples` of
   * them.
   */
  margin: tf.Tensor1D;
  /**
   * Whether the attack succeeded, bool [N]: the margin is below 0, or is NaN on
   * an image that the attack changed. A NaN is no defense; but an image that
   * comes back unchanged, because the classifier gives NaN for it to begin with,
   * is no success either.
   */
  success: tf.Tensor1D;
  /** The size of each term's (last) perturbation, by the term's letter, [N] in the units of its bound. */
  sizes: Record<string, tf.Tensor1D>;
  /**
   * Of C and S: the largest Euclidean norm of the difference of two neighbors of
   * the (last) perturbation, by the term's letter, [N], in the units of `smooth`.
   * Where it was asked for.
   */
  neighborDifferences?: Record<string, tf.Tensor1D>;
  /** At each step's forward pass, before its update: [steps, N]. Of the first search, where there are restarts. */
  history?: {margin: tf.Tensor2D; smoothness: tf.Tensor2D};
}

/** How far a search has come. */
export interface AttackProgress {
  /** Steps done, from 1. */
  step: number;
  /** Of how many. */
  steps: number;
  /** Which search of these examples it is, from 0. */
  restart: number;
  /** Examples that are still searched: fewer than given, with `earlyStop`. */
  examples: number;
}

/**
 * Where a search is after a number of updates. Its tensors belong to the search,
 * which disposes them once the callback is done: clone what is needed longer.
 */
export interface Iterate {
  /** Updates so far: 0 at the start. */
  step: number;
  /** Updates of the whole search. */
  steps: number;
  /** Which search of these examples it is, from 0. */
  restart: number;
  /** Indices of the examples that are still searched, [n], in the order of the rows below. */
  examples: number[];
  /** [n, H, W, C], in [0, 1] and inside the bounds. */
  adversarial: tf.Tensor4D;
  /** As {@link Perturbed.margin}, [n]. */
  margin: tf.Tensor1D;
  /** As the threat model measures it, without its weight, [n]; 0 where nothing has to be smooth. */
  smoothness: tf.Tensor1D;
  /**
   * Parameters of the threat model, each [n, …]; those of a {@link Sequence} one
   * term after the other, as many of each as it has `bounds()`. C has three, its
   * lattice's displacement along each channel; S has one, the flow (x, y) of each
   * pixel; D has one, what is added.
   */
  parameters: tf.Tensor[];
}

/** Options of {@link Attack.perturb}. */
export interface PerturbArgs {
  /** Whether to record margin and smoothness at each step. Default false. */
  history?: boolean;
  /** Whether to measure {@link Perturbed.neighborDifferences}. Default false. */
  neighborDifferences?: boolean;
  /** In place of the attack's own `seed`, for this call. */
  seed?: number;
  /** Called after each step. */
  onStep?(progress: AttackProgress): void;
  /**
   * Called with every iterate that the classifier was shown, so `steps` + 1 times
   * a search unless all examples stop before. `perturbAsync` waits for the
   * promise that it may return; `perturb` cannot.
   */
  onIterate?(iterate: Iterate): void | Promise<void>;
  /**
   * Called, in place of a warning on the console, if a gradient had NaN or
   * ±Infinity in it, with the number of examples concerned.
   */
  onNonFinite?(examples: number): void;
  /**
   * Called, in place of a warning on the console, if the gradient was 0 at every
   * step of an example that withstood the attack, with the number of such
   * examples: a search goes nowhere there. The console says so once for each
   * classifier, where a quarter of the examples is concerned.
   */
  onZeroGradients?(examples: number): void;
}

/** Options of {@link Attack.perturbAsync}. */
export interface PerturbAsyncArgs extends PerturbArgs {
  /** Stops the search after the present step; the promise is rejected with its reason. */
  signal?: AbortSignal;
  /**
   * Show on standard error how many steps are done, with the time left; or a
   * function that is told. See {@link ProgressOption}. Default false.
   */
  progress?: ProgressOption;
}

/** An adversary: a threat model, a loss and an optimizer. Made by {@link attack}. */
export interface Attack {
  /** As a spec. */
  readonly name: string;
  /** What perturbations are allowed. */
  readonly threatModel: ThreatModel;
  /** How it searches, defaults filled in. */
  readonly options: Readonly<ResolvedOptions>;
  /**
   * Perturbs each image so that the classifier, in inference mode, gets it wrong
   * (or, if targeted, gives it its label). Each example gets what it would get
   * alone. Images, labels and weights are left as they are. An entry of a
   * gradient that is NaN or ±Infinity counts as 0, and a warning says so once.
   *
   * @param classifier A layers model or graph model that ends in a softmax,
   *     sigmoids or logits, or a function from images to logits.
   * @param images [N, H, W, C] in [0, 1]. Preprocessing belongs to the model.
   * @param labels Class indices [N], or one-hot [N, classes].
   * @throws Error if images or labels have another shape or range, or if the
   *     classifier gives probabilities and its structure does not show the
   *     logits.
   */
  perturb(
    classifier: Classifier,
    images: tf.Tensor4D,
    labels: tf.Tensor1D | tf.Tensor2D,
    args?: PerturbArgs,
  ): Perturbed;
  /**
   * {@link perturb} with the same result, but without blocking: timers, events
   * and drawing go on between its steps, and tensors are read asynchronously, as
   * the webgpu backend needs it. Images and labels must not be disposed before
   * it has ended.
   */
  perturbAsync(
    classifier: Classifier,
    images: tf.Tensor4D,
    labels: tf.Tensor1D | tf.Tensor2D,
    args?: PerturbAsyncArgs,
  ): Promise<Perturbed>;
}

/**
 * An attack on image classifiers by projected gradient descent.
 *
 * ```js
 * const {adversarial, success} = attack('C+S+D').perturb(model, images, labels);
 * ```
 *
 * Source: Laidlaw & Feizi 2019. The defaults are those of the paper's evaluation.
 *
 * @param spec Terms joined by `+`, applied from left to right, each with an
 *     optional bound: `C` (ReColorAdv in CIELUV, 0.06), `C-RGB`, `C-YPbPr`,
 *     `C-HSV`, `D` (additive, 8/255), `S` (StAdv, 0.05), for instance
 *     `C+D(4/255)`; `None`; or a threat model.
 * @throws Error if the spec or an option is not allowed.
 */
export function attack(
  spec: string | ThreatModel,
  options: AttackOptions = {},
): Attack {
  const resolved = resolveOptions(options);
  const threatModel = isThreatModel(spec)
    ? options.variant
      ? spec.with({variant: options.variant})
      : spec
    : parseSpec(spec, resolved.variant);
  const start = (
    batch: Omit<SearchedBatch, 'threatModel' | 'options'>,
    seed: number | undefined,
  ): Reading<Perturbed> => {
    const own = seed === undefined ? {} : {seed: resolveOptions({seed}).seed};
    return perturbing({threatModel, options: {...resolved, ...own}, ...batch});
  };
  return {
    name: threatModel.name,
    threatModel,
    options: resolved,
    perturb: (classifier, images, labels, {seed, ...args} = {}) =>
      runSync(start({classifier, images, labels, ...args}, seed)),
    perturbAsync: async (
      classifier,
      images,
      labels,
      {seed, signal, progress = false, ...args} = {},
    ) => {
      checkProgress('perturbAsync', progress);
      const display = await openDisplay(progress);
      const {steps, restarts} = resolved;
      const task = new Task(
        display,
        'steps',
        threatModel.name,
        steps * restarts,
      );
      const onStep: PerturbArgs['onStep'] = now => {
        task.update(now.restart * steps + now.step);
        args.onStep?.(now);
      };
      const batch = {classifier, images, labels, ...args, onStep};
      try {
        const found = await runAsync(start(batch, seed), async () => {
          await breathe();
          signal?.throwIfAborted();
        });
        task.finish();
        return found;
      } finally {
        display.stop();
      }
    },
  };
}
