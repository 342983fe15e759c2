import * as tf from '@tensorflow/tfjs';
import {whereExample, withoutNonFinite} from '../ops/finite.js';
import type {Loss} from './losses.js';
import {objectiveGradients} from './objective_gradient.js';
import type {AttackOptimizer} from './optimizers.js';
import {
  attackMargin,
  isBetter,
  type Outcome,
  withFiniteImages,
} from './outcome.js';
import {normsOf, type ThreatModel} from './threat_models/threat_model.js';
import {dispose} from '../ops/tidy.js';

/** What every step of a search needs to know. */
export interface StepArgs {
  /** Images → logits, in inference mode. */
  logits: (images: tf.Tensor4D) => tf.Tensor2D;
  threatModel: ThreatModel;
  optimizer: AttackOptimizer;
  /** Steps of each search. */
  steps: number;
  loss: Loss;
  /** Whether {@link loss} needs the logits of the clean images. */
  needsCleanLogits: boolean;
  targeted: boolean;
  confidence: number;
  /** Weight of the threat model's smoothness in the objective. */
  smoothnessWeight: number;
  keep: 'best' | 'last';
  /** Forward passes for each step, over which loss and margin are averaged. */
  eotSamples?: number;
}

/** Everything that has one entry per example still in the batch. */
export interface Batch {
  images: tf.Tensor4D;
  labels: tf.Tensor2D;
  cleanLogits: tf.Tensor2D | null;
  /** One-hot: see {@link LossArgs.targets}. */
  targets: tf.Tensor2D | null;
  constants: tf.Tensor[];
  /** Inside their bounds. */
  parameters: tf.Tensor[];
  state: tf.Tensor[];
  best: {adversarial: tf.Tensor4D; margin: tf.Tensor1D} | null;
  /** In how many steps a gradient had a NaN or ±Infinity in it, [N]. */
  faults: tf.Tensor1D;
  /** In how many steps a gradient was not 0 everywhere, [N]; a search that has none counts all its steps. */
  slopes: tf.Tensor1D;
}

/** What a search may have from the beginning. */
export interface BeginArgs {
  /** For optimizers that draw random numbers, one per example. */
  seeds?: number[];
  /** See {@link Batch.targets}. */
  targets?: tf.Tensor2D | null;
}

/** A batch before its first step; its tensors are new. */
export function begin(
  args: StepArgs,
  images: tf.Tensor4D,
  labels: tf.Tensor2D,
  start: tf.Tensor[],
  {seeds = [], targets = null}: BeginArgs = {},
): Batch {
  const {needsCleanLogits, threatModel, optimizer, logits} = args;
  const constants = threatModel.prepare(images);
  const parameters = threatModel.project(start, images, constants);
  return {
    images: tf.clone(images),
    labels: tf.clone(labels),
    cleanLogits: needsCleanLogits ? logits(images) : null,
    targets: targets && tf.clone(targets),
    constants,
    parameters: parameters.map(t => tf.clone(t)),
    state: optimizer.init(parameters, seeds).map(t => tf.clone(t)),
    best: null,
    faults: tf.zeros([images.shape[0]]),
    slopes: tf.zeros([images.shape[0]]),
  };
}

/**
 * One step: forward and backward pass, optimizer update, projection. Projecting
 * last and not first, which comes to the same, leaves one set of parameters, not
 * two, from step to step. An entry of a gradient that is NaN or ±Infinity counts
 * as 0.
 *
 * @param step Counted from 1: the same for all, or each example's own.
 * @returns The batch after the step, and what the forward pass showed before it.
 */
export function advance(
  args: StepArgs,
  batch: Batch,
  step: number | number[],
): {batch: Batch; outcome: Outcome} {
  const {images, constants, parameters: from, state} = batch;
  const {threatModel, optimizer, steps} = args;
  const {outcome, losses, gradients, faults, slopes} =
    optimizer.gradients === false
      ? evaluateForward(args, batch)
      : evaluate(args, batch);
  const project = (parameters: tf.Tensor[]) =>
    threatModel.project(parameters, images, constants);
  const along =
    optimizer.gradients === false
      ? gradients
      : (threatModel.searchGradients?.(gradients, step) ?? gradients);
  const moved = optimizer.update({
    parameters: from,
    gradients: along,
    losses,
    state,
    step,
    steps,
    bounds: threatModel.bounds(),
    norms: normsOf(threatModel),
    images,
    project,
  });
  const parameters = project(moved.parameters);
  const best = better(batch.best, outcome, args.keep);
  return {
    batch: {...batch, parameters, state: moved.state, best, faults, slopes},
    outcome,
  };
}

/** The forward pass alone, after the last step. */
export function conclude(
  args: StepArgs,
  batch: Batch,
): {batch: Batch; outcome: Outcome} {
  const {images, parameters} = batch;
  const outcome = withFiniteImages(forward(args, batch, parameters), images);
  const best = better(batch.best, outcome, args.keep);
  return {batch: {...batch, best}, outcome};
}

function forward(
  args: StepArgs,
  batch: Batch,
  parameters: tf.Tensor[],
): Outcome & {logits: tf.Tensor2D[]} {
  const {threatModel, targeted, eotSamples = 1} = args;
  const adversarial = threatModel.apply(
    batch.images,
    parameters,
    batch.constants,
  );
  const logits = Array.from({length: eotSamples}, () =>
    args.logits(adversarial),
  );
  return {
    adversarial,
    logits,
    margin: mean(logits.map(z => attackMargin(z, batch.labels, targeted))),
    smoothness:
      threatModel.smoothness(parameters) ?? tf.zeros([batch.images.shape[0]]),
  };
}

function inRows(t: tf.Tensor): tf.Tensor {
  return tf.reshape(t, [t.shape[0], -1]);
}

/** The mean of several [N]. */
function mean(each: tf.Tensor1D[]): tf.Tensor1D {
  return each.length === 1 ? each[0] : tf.div(tf.addN(each), each.length);
}

/** What the search minimizes, per example. */
function objectiveOf(
  args: StepArgs,
  batch: Batch,
  {logits, smoothness}: ReturnType<typeof forward>,
): tf.Tensor1D {
  const values = mean(
    logits.map(z => args.loss({...args, ...batch, logits: z})),
  );
  return tf.add(values, tf.mul(smoothness, args.smoothnessWeight));
}

/** What a pass shows, and what an optimizer is told of it. */
interface Evaluated {
  outcome: Outcome;
  losses: tf.Tensor1D;
  gradients: tf.Tensor[];
  /** See {@link Batch.faults}. */
  faults: tf.Tensor1D;
  /** See {@link Batch.slopes}. */
  slopes: tf.Tensor1D;
}

/** The forward pass alone, for a search that needs no gradient. */
function evaluateForward(args: StepArgs, batch: Batch): Evaluated {
  const seen = forward(args, batch, batch.parameters);
  const losses = objectiveOf(args, batch, seen);
  const outcome = withFiniteImages(seen, batch.images);
  const slopes = tf.add(batch.slopes, 1) as tf.Tensor1D;
  return {
    outcome,
    losses,
    gradients: [],
    faults: tf.clone(batch.faults),
    slopes,
  };
}

/** The forward pass and the objective's gradient with respect to the parameters. */
function evaluate(args: StepArgs, batch: Batch): Evaluated {
  let kept: (Outcome & {losses: tf.Tensor1D}) | null = null;
  const objective = (...parameters: tf.Tensor[]) => {
    const seen = forward(args, batch, parameters);
    const losses = objectiveOf(args, batch, seen);
    kept = {
      adversarial: tf.keep(seen.adversarial),
      margin: tf.keep(seen.margin),
      smoothness: tf.keep(seen.smoothness),
      losses: tf.keep(losses),
    };
    return tf.sum(kept.losses) as tf.Scalar;
  };
  try {
    const grads = objectiveGradients(objective, batch.parameters);
    const {adversarial, margin, smoothness, losses} = kept!;
    // Of each example, by parameter: not finite where an entry is not, 0 where all are.
    const sizes = grads.map(g => tf.sum(tf.abs(inRows(g)), 1));
    const counted = (
      before: tf.Tensor1D,
      holds: (size: tf.Tensor) => tf.Tensor,
    ) =>
      sizes.length === 0
        ? tf.clone(before)
        : (tf.add(
            before,
            tf.cast(
              sizes.map(holds).reduce((a, b) => tf.logicalOr(a, b)),
              'float32',
            ),
          ) as tf.Tensor1D);
    return {
      gradients: grads.map(withoutNonFinite),
      losses: tf.clone(losses),
      faults: counted(batch.faults, size => tf.logicalNot(tf.isFinite(size))),
      slopes: counted(batch.slopes, size => tf.notEqual(size, 0)),
      // Copies, which the enclosing tidy looks after again.
      outcome: withFiniteImages(
        {
          adversarial: tf.clone(adversarial),
          margin: tf.clone(margin),
          smoothness: tf.clone(smoothness),
        },
        batch.images,
      ),
    };
  } finally {
    dispose(kept);
  }
}

/** Per example, the iterate with the smallest margin so far. */
function better(
  best: Batch['best'],
  {adversarial, margin}: Outcome,
  keep: 'best' | 'last',
): Batch['best'] {
  if (keep === 'last') return null;
  if (!best) {
    return {adversarial: tf.clone(adversarial), margin: tf.clone(margin)};
  }
  const improved = isBetter(margin, best.margin);
  return {
    margin: tf.where(improved, margin, best.margin),
    adversarial: whereExample(improved, adversarial, best.adversarial),
  };
}

/** A batch made tensor by tensor of the corresponding ones of several. */
export function combineBatches(
  batches: Batch[],
  f: (tensors: tf.Tensor[]) => tf.Tensor,
): Batch {
  const [first] = batches;
  const one = <T extends tf.Tensor>(of: (batch: Batch) => T) =>
    f(batches.map(of)) as T;
  const list = (of: (batch: Batch) => tf.Tensor[]) =>
    of(first).map((_, i) => f(batches.map(batch => of(batch)[i])));
  return {
    images: one(b => b.images),
    labels: one(b => b.labels),
    cleanLogits: first.cleanLogits && one(b => b.cleanLogits!),
    targets: first.targets && one(b => b.targets!),
    constants: list(b => b.constants),
    parameters: list(b => b.parameters),
    state: list(b => b.state),
    best: first.best && {
      adversarial: one(b => b.best!.adversarial),
      margin: one(b => b.best!.margin),
    },
    faults: one(b => b.faults),
    slopes: one(b => b.slopes),
  };
}

/** Disposes what `next`, which follows from `old`, no longer has. */
export function disposeReplaced(old: Batch, next: Batch): void {
  const kept = new Set(batchTensors(next));
  batchTensors(old)
    .filter(t => !kept.has(t))
    .forEach(t => t.dispose());
}

export function batchTensors(batch: Batch): tf.Tensor[] {
  const {images, labels, cleanLogits, targets, constants} = batch;
  const {parameters, state, best, faults, slopes} = batch;
  return [
    images,
    labels,
    ...(cleanLogits ? [cleanLogits] : []),
    ...(targets ? [targets] : []),
    ...constants,
    ...parameters,
    ...state,
    ...(best ? [best.adversarial, best.margin] : []),
    faults,
    slopes,
  ];
}
