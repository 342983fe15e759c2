import * as tf from '@tensorflow/tfjs';
import {type Classifier, logits} from '../models/logits.js';
import {lossOf} from './losses.js';
import {optimizerOf} from './optimizers.js';
import type {ResolvedOptions} from './options.js';
import type {StepArgs} from './pgd_step.js';
import {normalPerSeed} from '../ops/seeded_noise.js';
import {exampleSeeds} from './example_seeds.js';
import type {Reading} from '../ops/reading.js';
import {keepRows} from '../ops/rows.js';
import type {ThreatModel} from './threat_models/threat_model.js';

/** How an attack with these options goes about its steps. */
export function searchArgs(
  threatModel: ThreatModel,
  options: ResolvedOptions,
  classifier: Classifier,
): StepArgs {
  const {optimizer, learningRate} = options;
  const steps = threatModel.bounds().length === 0 ? 0 : options.steps;
  return {
    ...options,
    steps,
    logits: x => logits(classifier, x),
    threatModel,
    optimizer: optimizerOf(optimizer, threatModel, learningRate),
    loss: lossOf(options.loss),
    needsCleanLogits: options.loss === 'kl',
  };
}

/** Whether any search of an example begins or goes on at random. */
export function isRandom({
  randomStart,
  restarts,
  optimizer,
}: ResolvedOptions): boolean {
  const draws =
    typeof optimizer === 'object' ? optimizer.random : optimizer === 'square';
  return randomStart !== false || restarts > 1 || !!draws;
}

/** A seed for each example, or none where nothing is random. */
export function* startSeeds(
  images: tf.Tensor4D,
  options: ResolvedOptions,
): Reading<number[]> {
  return isRandom(options) ? yield* exampleSeeds(images, options.seed) : [];
}

/** For an optimizer that draws random numbers: each image's own for this search, below 2²⁴. */
export function optimizerSeeds(
  seeds: number[],
  restarts: number | number[],
): number[] {
  const count = (i: number) =>
    typeof restarts === 'number' ? restarts : restarts[i];
  // Exact in float32.
  return seeds.map((seed, i) => (seed + count(i)) % 2 ** 24);
}

/**
 * Where the search of each image starts: parameters with one entry per image.
 *
 * @param seeds As {@link startSeeds} has them.
 * @param restarts How many searches of each image came before; one number for
 *     all, or each image's own.
 */
export function startAt(
  threatModel: ThreatModel,
  {randomStart}: ResolvedOptions,
  images: tf.Tensor4D,
  seeds: number[],
  restarts: number | number[],
): tf.Tensor[] {
  const count = (i: number) =>
    typeof restarts === 'number' ? restarts : restarts[i];
  const own = seeds.map((seed, i) => seed + count(i));
  const zeros = threatModel.zeros(images);
  if (typeof randomStart === 'object') {
    return zeros.map((z, i) =>
      normalPerSeed(own, z.shape.slice(1), randomStart.stddev, i),
    );
  }
  const first = own.map((_, i) => !randomStart && count(i) === 0);
  if (own.length === 0 || first.every(x => x)) return zeros;
  const random = threatModel.random(images, own);
  if (!first.includes(true)) return random;
  const rows = first.map((isFirst, i) => (isFirst ? i : first.length + i));
  return zeros.map((z, i) => keepRows(tf.concat([z, random[i]]), rows));
}
