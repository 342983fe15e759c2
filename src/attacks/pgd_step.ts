import * as tf from '@tensorflow/tfjs';
import {withoutFilterGradients} from '../tfjs/input_gradient.js';
import {type Loss, margin} from './losses.js';
import type {AttackOptimizer} from './optimizers.js';
import type {ThreatModel} from './threat_models/threat_model.js';
import {dispose} from '../ops/tidy.js';

/** What every step of a search needs to know. */
export interface StepArgs {
  /** Images → logits, in inference mode. */
  logits: (images: tf.Tensor4D) => tf.Tensor2D;
  threatModel: ThreatModel;
  optimizer: AttackOptimizer;
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

/** A batch before its first step; its tensors are new. */
export function begin(
  args: StepArgs,
  images: tf.Tensor4D,
  labels: tf.Tensor2D,
  start: tf.Tensor[],
): Batch {
  const {needsCleanLogits, threatModel, optimizer, logits} = args;
  const constants = threatModel.prepare(images);
  return {
    images: tf.clone(images),
    labels: tf.clone(labels),
    cleanLogits: needsCleanLogits ? logits(images) : null,
    constants,
    parameters: threatModel
      .project(start, images, constants)
      .map(t => tf.clone(t)),
    state: optimizer.init(start),
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
  const {images, constants, state} = batch;
  const {outcome, gradients} = evaluate(args, batch);
  const moved = args.optimizer.update(batch.parameters, gradients, state, step);
  const parameters = args.threatModel.project(
    moved.parameters,
    images,
    constants,
  );
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

/** The forward pass and the objective's gradient with respect to the parameters. */
function evaluate(args: StepArgs, batch: Batch) {
  let outcome: Outcome | null = null;
  const objective = (...parameters: tf.Tensor[]) => {
    const seen = look(args, batch, parameters);
    outcome = {
      adversarial: tf.keep(seen.adversarial),
      margin: tf.keep(seen.margin),
      smoothness: tf.keep(seen.smoothness),
    };
    const values = args.loss({...args, ...batch, logits: seen.logits});
    const rough = tf.mul(seen.smoothness, args.smoothness);
    return tf.sum(tf.add(values, rough)) as tf.Scalar;
  };
  try {
    const {grads} = withoutFilterGradients(() =>
      tf.valueAndGrads(objective)(batch.parameters),
    );
    const {adversarial, margin, smoothness} = outcome!;
    return {
      gradients: grads,
      // Copies, which the enclosing tidy looks after again.
      outcome: {
        adversarial: tf.clone(adversarial),
        margin: tf.clone(margin),
        smoothness: tf.clone(smoothness),
      },
    };
  } finally {
    dispose(outcome);
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
  const {images, labels, cleanLogits, constants, parameters, state, best} =
    batch;
  return [
    images,
    labels,
    ...(cleanLogits ? [cleanLogits] : []),
    ...constants,
    ...parameters,
    ...state,
    ...(best ? [best.adversarial, best.margin] : []),
  ];
}
