import * as tf from '@tensorflow/tfjs';
import {parseSpec} from '../attacks/threat_models/spec.js';
import type {AttackOptions} from '../attacks/options.js';
import type {ThreatModel} from '../attacks/threat_models/threat_model.js';
import type {Classifier} from '../models/logits.js';
import {dispose, tidy} from '../ops/tidy.js';
import {checkMix} from './adversarial_training_args.js';
import {fastAdversary, pgdAdversary} from './adversary.js';
import {type Crafting, resolveCrafting} from './fast_args.js';

/** Options of {@link adversarialDataset} and {@link adversarialMap}: an attack and how it searches. */
export interface AdversarialDatasetArgs extends AttackOptions {
  /** A spec such as `C+S+D`, or a threat model; see {@link attack}. */
  attack: string | ThreatModel;
  /** As for {@link adversarialTraining}: by PGD (default), or by one step. */
  crafting?: Crafting;
  /** Attack steps for each batch. Default 10; 1 for `crafting: 'fast'`. */
  steps?: number;
  /**
   * Default for `adam`: 0.1/steps, so that few steps reach as far as the 100 of
   * 0.001 of an evaluation.
   */
  learningRate?: number;
  /**
   * `adversarial` (default), `both`, or the share of each batch that is attacked:
   * see {@link adversarialTraining}.
   */
  mix?: 'adversarial' | 'both' | number;
}

/** A function from batches to batches, as `mapAsync` of a dataset takes it. */
export type BatchMap = (
  batch: tf.TensorContainer,
) => Promise<tf.TensorContainer>;

/**
 * Makes adversarial versions of the batches of a dataset; to be given to its
 * `mapAsync`.
 *
 * ```js
 * const robust = batches.mapAsync(adversarialMap(model, {attack: 'C+D'}));
 * await model.fitDataset(robust, {epochs: 5});
 * ```
 *
 * Batches are `{xs, ys}` or `[xs, ys]`, and come back in the same form: images
 * [N, H, W, C] in [0, 1], and class indices [N] or one-hot labels [N, classes],
 * which are passed on as they are.
 *
 * Each batch is crafted when it is asked for, against the weights that the model
 * then has. Put `shuffle`, `batch` and augmentation before it; every
 * `prefetch(n)` after it makes examples up to n − 1 steps older than the weights.
 * Crafting by PGD lets the event loop run between its steps.
 *
 * With a `seed`, noise of `crafting: 'fast'` follows from it and from the count
 * of the model's updates, or, of a model that is not compiled, of the batches.
 *
 * Outside of a dataset, the batch that is passed stays the caller's. The result
 * may hold its labels.
 *
 * @throws Error if an option is not allowed; from the function, if a batch has
 *     another form.
 */
export function adversarialMap(
  model: Classifier,
  args: AdversarialDatasetArgs,
): BatchMap {
  return crafter('adversarialMap', model, args);
}

/** {@link adversarialMap}, in whose name errors are told. */
export function crafter(
  where: string,
  model: Classifier,
  {attack, crafting, mix = 'adversarial', ...options}: AdversarialDatasetArgs,
): BatchMap {
  checkMix(where, mix);
  const fast = resolveCrafting(crafting);
  const threatModel =
    typeof attack === 'string' ? parseSpec(attack, options.variant) : attack;
  const {craft, craftAsync} = fast
    ? fastAdversary(threatModel, options, fast)
    : pgdAdversary(threatModel, options);
  let batches = 0;
  const step = () => {
    const {optimizer} = model as Partial<tf.LayersModel>;
    // PGD draws by image and seed alone.
    return fast ? (optimizer?.iterations ?? batches++) : 0;
  };
  return async batch => {
    const {xs, ys} = partsOf(where, batch);
    const size = xs.shape[0];
    const count =
      typeof mix === 'number' ? Math.max(1, Math.round(mix * size)) : size;
    // What is not a batch of images is left for the attack to refuse.
    const isPart = xs.rank === 4 && count < size;
    const [images, labels] = [xs, ys].map(t =>
      isPart ? tf.slice(t, 0, count) : t.clone(),
    ) as [tf.Tensor4D, tf.Tensor];
    try {
      const crafted = await (craftAsync ?? craft)(
        model,
        images,
        labels,
        step(),
      );
      try {
        const parts = tidy(() => mixed(mix, {xs, ys}, crafted.adversarial));
        return Array.isArray(batch) ? [parts.xs, parts.ys] : {...parts};
      } finally {
        dispose(crafted);
      }
    } finally {
      tf.dispose([images, labels]);
    }
  };
}

interface Parts {
  xs: tf.Tensor4D;
  ys: tf.Tensor;
}

/** @throws Error if it is no batch of images with labels. */
function partsOf(where: string, batch: tf.TensorContainer): Parts {
  const {xs, ys} = Array.isArray(batch)
    ? {xs: batch[0], ys: batch[1]}
    : ((batch ?? {}) as Partial<Parts>);
  const others = Array.isArray(batch) && batch.length !== 2;
  if (others || !(xs instanceof tf.Tensor) || !(ys instanceof tf.Tensor)) {
    throw new Error(
      `${where} needs batches of the form {xs: images, ys: labels} or [images, labels].`,
    );
  }
  // Of a share of the images, too many labels would not be noticed.
  if (xs.rank === 4 && ys.shape[0] !== xs.shape[0]) {
    const [n] = xs.shape;
    throw new Error(
      `Labels must have the shape [${n}] (class indices) or [${n}, classes] (one-hot), but have [${ys.shape}].`,
    );
  }
  return {xs: xs as tf.Tensor4D, ys};
}

/** The batch in which the first images are replaced, or which is doubled. */
function mixed(
  mix: AdversarialDatasetArgs['mix'],
  {xs, ys}: Parts,
  adversarial: tf.Tensor4D,
): Parts {
  if (mix === 'both') {
    return {xs: tf.concat([xs, adversarial]), ys: tf.concat([ys, ys])};
  }
  const count = adversarial.shape[0];
  const rest = xs.shape[0] - count;
  return {
    xs: rest
      ? tf.concat([adversarial, tf.slice(xs, count)])
      : tf.clone(adversarial),
    ys,
  };
}
