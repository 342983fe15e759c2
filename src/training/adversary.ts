import type * as tf from '@tensorflow/tfjs';
import {attack as makeAttack, type Perturbed} from '../attacks/attack.js';
import {margin} from '../attacks/losses.js';
import type {LossName} from '../attacks/losses.js';
import {type AttackOptions, resolveOptions} from '../attacks/options.js';
import type {ThreatModel} from '../attacks/threat_models/threat_model.js';
import {oneHotLabels} from '../data/validate.js';
import {type Classifier, logits} from '../models/logits.js';
import {tidy} from '../ops/tidy.js';
import type {ResolvedFast} from './fast_args.js';
import {craftFast} from './fast_crafting.js';
import {misclassified} from './misclassified.js';
import {trainingOptions} from './training_options.js';

/** Adversarial examples; how they do is known where it was asked for. */
export interface Crafted extends Partial<
  Pick<Perturbed, 'margin' | 'success'>
> {
  adversarial: tf.Tensor4D;
  sizes: Record<string, tf.Tensor1D>;
  /** Of the adversarial examples, [N, classes], where they are known. */
  logits?: tf.Tensor2D;
}

/** {@link Crafted}, with margins. */
export type Judged = Crafted & Pick<Perturbed, 'margin' | 'success'>;

/** What makes adversarial examples of a batch. */
export interface Adversary {
  readonly name: string;
  readonly threatModel: ThreatModel;
  /** As it is logged. */
  readonly configuration: Record<string, unknown>;
  /** @param step Chooses, with the seed if there is one, what is random. */
  craft(
    classifier: Classifier,
    images: tf.Tensor4D,
    labels: tf.Tensor,
    step: number,
  ): Crafted;
  /** The same with asynchronous reads, where it is to be had. */
  craftAsync?(...args: Parameters<Adversary['craft']>): Promise<Crafted>;
}

/** Projected gradient descent with the options of an attack. */
export function pgdAdversary(
  threatModel: ThreatModel,
  options: AttackOptions,
): Adversary {
  const given = trainingOptions(options);
  const made = makeAttack(threatModel, given);
  return {
    name: made.name,
    threatModel: made.threatModel,
    configuration: {...made.options},
    craft: (classifier, images, labels, step) =>
      withSeed(made.threatModel, given, step).perturb(
        classifier,
        images,
        labels as tf.Tensor2D,
      ),
    craftAsync: (classifier, images, labels, step) =>
      withSeed(made.threatModel, given, step).perturbAsync(
        classifier,
        images,
        labels as tf.Tensor2D,
      ),
  };
}

/** With a seed, each batch draws other random numbers, and each run the same ones. */
function withSeed(
  threatModel: ThreatModel,
  options: AttackOptions,
  step: number,
) {
  const {seed} = options;
  const own = seed === undefined ? options : {...options, seed: seed + step};
  return makeAttack(threatModel, own);
}

/** Options of an attack that `crafting: 'fast'` takes too. */
const SHARED = ['variant', 'steps', 'loss', 'seed'];

/** One step, or few. @throws Error naming an option that it does not take. */
export function fastAdversary(
  threatModel: ThreatModel,
  options: AttackOptions,
  fast: ResolvedFast,
): Adversary {
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && !SHARED.includes(name)) {
      // An option that does not exist at all is the greater error.
      resolveOptions({[name]: value});
      throw new Error(
        `crafting: 'fast' does not take the option ${name}; it takes ${SHARED.join(', ')}, and as crafting an object of noise, step, project and spacing.`,
      );
    }
  }
  const {steps = 1, loss = 'crossEntropy', seed, variant} = options;
  resolveOptions({steps, loss, seed, variant});
  const model = variant ? threatModel.with({variant}) : threatModel;
  const crafting = {
    ...fast,
    threatModel: model,
    steps,
    loss: loss as LossName,
  };
  return {
    name: model.name,
    threatModel: model,
    configuration: {crafting: 'fast', ...fast, steps, loss, seed},
    craft: (classifier, images, labels, step) =>
      craftFast(
        crafting,
        classifier,
        images,
        labels,
        seed === undefined
          ? Math.floor(Math.random() * 2 ** 31)
          : (seed + step * 1_000_003) % 2 ** 31,
      ),
  };
}

/** Adds margins, by a forward pass where they are not there; takes over the tensors. */
export function judge(
  crafted: Crafted,
  classifier: Classifier,
  labels: tf.Tensor,
): Judged {
  if (crafted.margin) return crafted as Judged;
  return {
    ...crafted,
    ...tidy(() => {
      const z = logits(classifier, crafted.adversarial);
      const [n, classes] = z.shape;
      const oneHot = oneHotLabels(labels, n, classes);
      return {
        logits: z,
        margin: margin(z, oneHot),
        success: misclassified(z, oneHot),
      };
    }),
  };
}
