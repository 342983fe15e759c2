import * as tf from '@tensorflow/tfjs';
import {withoutFilterGradients} from '../tfjs/input_gradient.js';
import {type Loss, margin} from './losses.js';
import type {AttackOptimizer} from './optimizers.js';
import type {ThreatModel} from './threat_models/threat_model.js';

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
  smoothness: number;
  keep: 'best' | 'last';
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
}

/** What one forward pass shows of each example. */
export interface Outcome {
  adversarial: tf.Tensor4D;
  margin: tf.Tensor1D;
  smoothness: tf.Tensor1D;
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
  };
}

/**
 * One step: look, move, project. Projecting last and not first, which comes to
 * the same, leaves one set of parameters, not two, from step to step.
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
  const {outcome, losses, gradients} =
    optimizer.gradients === false
      ? evaluateForward(args, batch)
      : evaluate(args, batch);
  const project = (parameters: tf.Tensor[]) =>
    threatModel.project(parameters, images, constants);
  const bounds = threatModel.bounds();
  const moved = optimizer.update({
    parameters: from,
    gradients,
    losses,
    state,
    step,
    steps,
    bounds,
    norms: threatModel.norms?.() ?? bounds.map(() => 'linf'),
    images,
    project,
  });
  const parameters = project(moved.parameters);
  const best = better(batch.best, outcome, args.keep);
  return {batch: {...batch, parameters, state: moved.state, best}, outcome};
}

/** The forward pass alone, after the last step. */
export function conclude(
  args: StepArgs,
  batch: Batch,
): {batch: Batch; outcome: Outcome} {
  const outcome = look(args, batch, batch.parameters);
  const best = better(batch.best, outcome, args.keep);
  return {batch: {...batch, best}, outcome};
}

function look(
  args: StepArgs,
  batch: Batch,
  parameters: tf.Tensor[],
): Outcome & {logits: tf.Tensor2D} {
  const {threatModel, targeted} = args;
  const adversarial = threatModel.apply(
    batch.images,
    parameters,
    batch.constants,
  );
  const logits = args.logits(adversarial);
  const m = margin(logits, batch.labels);
  return {
    adversarial,
    logits,
    margin: targeted ? tf.neg(m) : m,
    smoothness:
      threatModel.smoothness(parameters) ?? tf.zeros([batch.images.shape[0]]),
  };
}

/** What the search minimizes, per example. */
function objectiveOf(
  args: StepArgs,
  batch: Batch,
  {logits, smoothness}: Outcome & {logits: tf.Tensor2D},
): tf.Tensor1D {
  const values = args.loss({...args, ...batch, logits});
  return tf.add(values, tf.mul(smoothness, args.smoothness));
}

/** The forward pass alone, for a search that needs no gradient. */
function evaluateForward(args: StepArgs, batch: Batch): Evaluated {
  const seen = look(args, batch, batch.parameters);
  const losses = objectiveOf(args, batch, seen);
  return {outcome: seen, losses, gradients: []};
}

interface Evaluated {
  outcome: Outcome;
  losses: tf.Tensor1D;
  gradients: tf.Tensor[];
}

/** The forward pass and the objective's gradient with respect to the parameters. */
function evaluate(args: StepArgs, batch: Batch): Evaluated {
  let kept: (Outcome & {losses: tf.Tensor1D}) | null = null;
  const objective = (...parameters: tf.Tensor[]) => {
    const seen = look(args, batch, parameters);
    kept = {
      adversarial: tf.keep(seen.adversarial),
      margin: tf.keep(seen.margin),
      smoothness: tf.keep(seen.smoothness),
      losses: tf.keep(objectiveOf(args, batch, seen)),
    };
    return tf.sum(kept.losses) as tf.Scalar;
  };
  try {
    const {grads} = withoutFilterGradients(() =>
      tf.valueAndGrads(objective)(batch.parameters),
    );
    const {adversarial, margin, smoothness, losses} = kept!;
    return {
      gradients: grads,
      losses: tf.clone(losses),
      // Copies, which the enclosing tidy looks after again.
      outcome: {
        adversarial: tf.clone(adversarial),
        margin: tf.clone(margin),
        smoothness: tf.clone(smoothness),
      },
    };
  } finally {
    tf.dispose(kept as unknown as tf.TensorContainer);
  }
}

/** Per example, the iterate with the smallest margin so far. */
function better(
  best: Batch['best'],
  {adversarial, margin}: Outcome,
  keep: 'best' | 'last',
): Batch['best'] {
  if (keep === 'last') return null;
  if (!best) return {adversarial, margin};
  const improved = tf.less(margin, best.margin);
  return {
    margin: tf.where(improved, margin, best.margin),
    adversarial: tf.where(
      tf.broadcastTo(
        tf.reshape(improved, [-1, 1, 1, 1]),
        adversarial.shape,
      ) as tf.Tensor4D,
      adversarial,
      best.adversarial,
    ),
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
  const {images, labels, cleanLogits, targets} = batch;
  const {constants, parameters, state, best} = batch;
  return [
    images,
    labels,
    ...(cleanLogits ? [cleanLogits] : []),
    ...(targets ? [targets] : []),
    ...constants,
    ...parameters,
    ...state,
    ...(best ? [best.adversarial, best.margin] : []),
  ];
}
