import * as tf from '@tensorflow/tfjs';
import {type Classifier, countClasses} from '../models/logits.js';
import {
  type AttackOptions,
  type ResolvedOptions,
  resolveOptions,
} from './options.js';
import {pgd, type PgdResult} from './pgd.js';
import {keepRows, putRows} from '../ops/rows.js';
import {succeeded, withstands} from './losses.js';
import {
  optimizerSeeds,
  searchArgs,
  startAt,
  startSeeds,
} from './search_args.js';
import {parseSpec} from './threat_models/spec.js';
import {isThreatModel, type ThreatModel} from './threat_models/threat_model.js';
import {checkImages, oneHotLabels} from '../data/validate.js';

/** What {@link Attack.perturb} gives; all of it is the caller's to dispose. */
export interface Perturbed {
  /** [N, H, W, C], in [0, 1] and inside the bounds. */
  adversarial: tf.Tensor4D;
  /**
   * By how much each example's label still wins, in logits, [N]: negative where
   * the attack succeeded. Targeted: by how much the target is still behind.
   */
  margin: tf.Tensor1D;
  /** Whether the attack succeeded, bool [N]. */
  success: tf.Tensor1D;
  /** The size of each term's (last) perturbation, by the term's letter, [N] in the units of its bound. */
  sizes: Record<string, tf.Tensor1D>;
  /** At each step's forward pass, before its update: [steps, N]. Of the first search, where there are restarts. */
  history?: {margin: tf.Tensor2D; smoothness: tf.Tensor2D};
}

/** Options of {@link Attack.perturb}. */
export interface PerturbArgs {
  /** Whether to record margin and smoothness at each step. Default false. */
  history?: boolean;
}

/** An adversary: rules, aim and search. Made by {@link attack}. */
export interface Attack {
  /** As a spec. */
  readonly name: string;
  /** Its rules. */
  readonly threatModel: ThreatModel;
  /** How it searches, defaults filled in. */
  readonly options: Readonly<ResolvedOptions>;
  /**
   * Perturbs each image so that the classifier, in inference mode, gets it wrong
   * (or, if targeted, gives it its label). Each example gets what it would get
   * alone. Images, labels and weights are left as they are.
   *
   * @param classifier A layers model or graph model that ends in a softmax or in
   *     logits, or a function from images to logits.
   * @param images [N, H, W, C] in [0, 1]. Preprocessing belongs to the model.
   * @param labels Class indices [N], or one-hot [N, classes].
   * @throws Error if images or labels have another shape or range.
   */
  perturb(
    classifier: Classifier,
    images: tf.Tensor4D,
    labels: tf.Tensor1D | tf.Tensor2D,
    args?: PerturbArgs,
  ): Perturbed;
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
  return {
    name: threatModel.name,
    threatModel,
    options: resolved,
    perturb: (classifier, images, labels, args = {}) =>
      perturb(threatModel, resolved, classifier, images, labels, args),
  };
}

function perturb(
  threatModel: ThreatModel,
  options: ResolvedOptions,
  classifier: Classifier,
  images: tf.Tensor4D,
  labels: tf.Tensor,
  {history = false}: PerturbArgs,
): Perturbed {
  checkImages(images);
  const classes = countClasses(classifier, images);
  return tf.tidy(() => {
    const oneHot = oneHotLabels(labels, images.shape[0], classes);
    const seeds = startSeeds(images, options);
    const searchFrom = (places: number[], restart: number) =>
      search(threatModel, options, classifier, {
        images: keepRows(images, places),
        labels: keepRows(oneHot, places),
        seeds: places.map(i => seeds[i]),
        restart,
        history,
      });
    const all = Array.from({length: images.shape[0]}, (_, i) => i);
    let result = searchFrom(all, 0);
    for (let restart = 1; restart < options.restarts; restart++) {
      const margins = result.margin.dataSync();
      const places = options.earlyStop
        ? all.filter(i => withstands(margins[i]))
        : all;
      if (places.length === 0) break;
      result = combine(result, searchFrom(places, restart), places);
    }
    const success = succeeded(result.margin);
    return {...result, success} as unknown as tf.TensorContainerObject;
  }) as unknown as Perturbed;
}

interface Search {
  images: tf.Tensor4D;
  labels: tf.Tensor2D;
  seeds: number[];
  restart: number;
  history: boolean;
}

function search(
  threatModel: ThreatModel,
  options: ResolvedOptions,
  classifier: Classifier,
  {images, labels, seeds, restart, history}: Search,
): PgdResult {
  return pgd({
    ...options,
    ...searchArgs(threatModel, options, classifier),
    images,
    labels,
    start: () => startAt(threatModel, options, images, seeds, restart),
    seeds: optimizerSeeds(seeds, restart),
    history,
  });
}

/** Takes over from a further search, of the examples at `places`, what it did better. */
function combine(
  before: PgdResult,
  again: PgdResult,
  places: number[],
): PgdResult {
  const n = before.margin.shape[0];
  const others = Array.from({length: n}, (_, i) => i).filter(
    i => !places.includes(i),
  );
  /** The new rows in their places, the old ones elsewhere. */
  const spread = <T extends tf.Tensor>(old: T, rows: T): T =>
    others.length === 0
      ? rows
      : putRows([rows, keepRows(old, others)], [...places, ...others]);
  const margin = spread(before.margin, again.margin);
  const improved = tf.less(margin, before.margin);
  const pick = <T extends tf.Tensor>(old: T, rows: T): T => {
    const shape = [n, ...new Array(old.rank - 1).fill(1)];
    return tf.where(
      tf.broadcastTo(tf.reshape(improved, shape), old.shape),
      spread(old, rows),
      old,
    ) as T;
  };
  return {
    adversarial: pick(before.adversarial, again.adversarial),
    margin: pick(before.margin, again.margin),
    sizes: Object.fromEntries(
      Object.keys(before.sizes).map(term => [
        term,
        pick(before.sizes[term], again.sizes[term]),
      ]),
    ),
    history: before.history,
  };
}
