import * as tf from '@tensorflow/tfjs';
import {imageChecks, labelIndices} from '../data/validate.js';
import {inspectClassifier} from '../models/inspect.js';
import {type Classifier, logits} from '../models/logits.js';
import {read, readAndDispose, type Reading} from '../ops/reading.js';
import {keepRows, putRows} from '../ops/rows.js';
import {whereExample} from '../ops/finite.js';
import {dispose, tidy} from '../ops/tidy.js';
import type {PerturbArgs, Perturbed} from './attack.js';
import {warnNonFinite, warnZeroGradients} from './gradient_warnings.js';
import type {ResolvedOptions} from './options.js';
import {attackMargin, isBetter, isSuccess} from './outcome.js';
import {pgdSteps, type PgdResult} from './pgd.js';
import {withstands} from './losses.js';
import {
  optimizerSeeds,
  searchArgs,
  startAt,
  startSeeds,
} from './search_args.js';
import type {ThreatModel} from './threat_models/threat_model.js';

/** A batch of examples, and how it is searched. */
export interface SearchedBatch extends Omit<PerturbArgs, 'seed'> {
  threatModel: ThreatModel;
  options: ResolvedOptions;
  classifier: Classifier;
  images: tf.Tensor4D;
  labels: tf.Tensor;
}

/** The body of {@link Attack.perturb}: checks, a search, restarts, and what came of them. */
export function* perturbing(batch: SearchedBatch): Reading<Perturbed> {
  const {options, classifier, images, labels} = batch;
  yield* imageChecks(images);
  const {classes, randomized} = yield* inspectClassifier(classifier, images);
  const n = images.shape[0];
  const indices = yield* labelIndices(labels, n, classes);
  const seeds = yield* startSeeds(images, options);
  const oneHot = tidy(() => toOneHot(indices, classes));
  const all = Array.from({length: n}, (_, i) => i);
  const owned: PgdResult[] = [];
  try {
    owned.push(yield* search(batch, oneHot, seeds, all, 0));
    for (let restart = 1; restart < options.restarts; restart++) {
      const margins = yield* read(owned[0].margin);
      const places = options.earlyStop
        ? all.filter(i => withstands(margins[i]))
        : all;
      if (places.length === 0) break;
      owned.push(yield* search(batch, oneHot, seeds, places, restart));
      const [before, again] = owned;
      const both = tidy(() => combine(before, again, places));
      owned.splice(0, 2).forEach(dispose);
      owned.push(both);
    }
    yield* report(batch, owned[0]);
    return tidy(() => conclusion(batch, oneHot, owned[0], randomized));
  } finally {
    owned.forEach(dispose);
    oneHot.dispose();
  }
}

/** Says what was wrong with the gradients of a search. */
function* report(
  {
    classifier,
    threatModel,
    options,
    onNonFinite,
    onZeroGradients,
  }: SearchedBatch,
  found: PgdResult,
): Reading<void> {
  if (options.steps === 0 || threatModel.bounds().length === 0) return;
  const counts = yield* readAndDispose(
    tidy(() => tf.concat([found.faults, found.slopes])),
  );
  const n = counts.length / 2;
  const faults = counts.subarray(0, n).filter(x => x > 0).length;
  if (faults > 0) (onNonFinite ?? warnNonFinite(classifier))(faults);
  const slopes = counts.subarray(n);
  if (slopes.every(x => x > 0)) return;
  const margins = yield* read(found.margin);
  // One that is misclassified from the start needs no gradient.
  const stuck = slopes.filter(
    (x, i) => x === 0 && withstands(margins[i]),
  ).length;
  if (stuck > 0) {
    (onZeroGradients ?? warnZeroGradients(classifier, slopes.length))(stuck);
  }
}

function* search(
  batch: SearchedBatch,
  labels: tf.Tensor2D,
  seeds: number[],
  places: number[],
  restart: number,
): Reading<PgdResult> {
  const {threatModel, options, classifier, history = false} = batch;
  const {onStep, onIterate, neighborDifferences = false} = batch;
  const images = keepRows(batch.images, places);
  const own = keepRows(labels, places);
  const args = searchArgs(threatModel, options, classifier);
  const from = seeds.length ? places.map(i => seeds[i]) : [];
  try {
    return yield* pgdSteps({
      ...options,
      ...args,
      images,
      labels: own,
      start: () => startAt(threatModel, options, images, from, restart),
      seeds: optimizerSeeds(from, restart),
      history: history && restart === 0,
      neighborDifferences,
      ...(onStep && {
        onStep: (step, examples) =>
          onStep({step, steps: args.steps, restart, examples}),
      }),
      ...(onIterate && {
        onIterate: ({examples, ...iterate}) =>
          onIterate({
            ...iterate,
            steps: args.steps,
            restart,
            examples: examples.map(i => places[i]),
          }),
      }),
    });
  } finally {
    dispose([images, own]);
  }
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
  const improved = isBetter(margin, before.margin);
  const pick = <T extends tf.Tensor>(old: T, rows: T): T =>
    whereExample(improved, spread(old, rows), old);
  const pickEach = (of: (result: PgdResult) => Record<string, tf.Tensor1D>) =>
    Object.fromEntries(
      Object.keys(of(before)).map(term => [
        term,
        pick(of(before)[term], of(again)[term]),
      ]),
    );
  return {
    adversarial: pick(before.adversarial, again.adversarial),
    margin: pick(before.margin, again.margin),
    sizes: pickEach(result => result.sizes),
    neighborDifferences: pickEach(result => result.neighborDifferences),
    faults: tf.maximum(before.faults, spread(before.faults, again.faults)),
    slopes: tf.maximum(before.slopes, spread(before.slopes, again.slopes)),
    ...(before.history && {
      history: {
        margin: tf.clone(before.history.margin),
        smoothness: tf.clone(before.history.smoothness),
      },
    }),
  };
}

/** New tensors; of a randomized classifier, margins of fresh passes and not of the luckiest. */
function conclusion(
  batch: SearchedBatch,
  labels: tf.Tensor2D,
  found: PgdResult,
  randomized: boolean,
): Perturbed {
  const {classifier, images, options} = batch;
  const {adversarial, margin, history} = found;
  const {eotSamples, targeted} = options;
  const judged = randomized
    ? (tf.div(
        tf.addN(
          Array.from({length: eotSamples}, () =>
            attackMargin(logits(classifier, adversarial), labels, targeted),
          ),
        ),
        eotSamples,
      ) as tf.Tensor1D)
    : tf.clone(margin);
  return {
    adversarial: tf.clone(adversarial),
    margin: judged,
    success: isSuccess(judged, adversarial, images),
    sizes: cloneEach(found.sizes),
    ...(batch.neighborDifferences && {
      neighborDifferences: cloneEach(found.neighborDifferences),
    }),
    ...(history && {
      history: {
        margin: tf.clone(history.margin),
        smoothness: tf.clone(history.smoothness),
      },
    }),
  };
}

function cloneEach(
  each: Record<string, tf.Tensor1D>,
): Record<string, tf.Tensor1D> {
  return Object.fromEntries(
    Object.entries(each).map(([term, value]) => [term, tf.clone(value)]),
  );
}

function toOneHot(indices: Int32Array, classes: number): tf.Tensor2D {
  const tensor = tf.tensor1d(indices, 'int32');
  return tf.cast(tf.oneHot(tensor, classes), 'float32') as tf.Tensor2D;
}
