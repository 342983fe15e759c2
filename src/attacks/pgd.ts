import * as tf from '@tensorflow/tfjs';
import {Finished} from './finished.js';
import {withoutFilterGradients} from './input_gradient.js';
import {type Loss, margin} from './losses.js';
import type {AttackOptimizer} from './optimizers.js';
import {keepRows} from './rows.js';
import type {ThreatModel} from './threat_model.js';

export interface PgdArgs {
  /** Images → logits, in inference mode. */
  logits: (images: tf.Tensor4D) => tf.Tensor2D;
  threatModel: ThreatModel;
  images: tf.Tensor4D;
  /** One-hot, [N, classes]. */
  labels: tf.Tensor2D;
  /** Where to start. */
  start: tf.Tensor[];
  steps: number;
  optimizer: AttackOptimizer;
  loss: Loss;
  /** Whether {@link loss} needs the logits of the clean images. */
  needsCleanLogits: boolean;
  targeted: boolean;
  confidence: number;
  /** Weight of the threat model's smoothness in the objective. */
  smoothness: number;
  keep: 'best' | 'last';
  earlyStop: boolean;
  history: boolean;
}

export interface PgdResult {
  adversarial: tf.Tensor4D;
  /** Negative where the attack succeeded: see {@link margin}; negated if targeted. */
  margin: tf.Tensor1D;
  /** Sizes of the last perturbation, by term. */
  sizes: Record<string, tf.Tensor1D>;
  history?: {margin: tf.Tensor2D; smoothness: tf.Tensor2D};
}

/** Everything that has one entry per example still in the batch. */
export interface Batch {
  images: tf.Tensor4D;
  labels: tf.Tensor2D;
  cleanLogits: tf.Tensor2D | null;
  constants: tf.Tensor[];
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

/**
 * Projected gradient descent: minimise, over the parameters of a threat model,
 * the sum over examples of loss + weight · smoothness, projecting before each
 * forward pass.
 *
 * Source: Madry et al. 2018; objective and order of steps as in Laidlaw & Feizi
 * 2019, section 4.
 */
export function pgd(args: PgdArgs): PgdResult {
  const finished = new Finished(args);
  try {
    return tf.tidy(() => {
      run(args, finished);
      return finished.result() as unknown as tf.TensorContainerObject;
    }) as unknown as PgdResult;
  } finally {
    finished.dispose();
  }
}

function run(args: PgdArgs, finished: Finished): void {
  let batch = begin(args);
  for (let step = 1; step <= args.steps; step++) {
    const next = tf.tidy(() => {
      const parameters = project(args, batch);
      const {outcome, gradients} = evaluate(args, batch, parameters);
      finished.record(step, outcome);
      const best = better(batch.best, outcome, args.keep);
      const left = args.earlyStop
        ? finished.takeOut({...batch, parameters}, outcome)
        : null;
      const moved = args.optimizer.update(
        parameters,
        gradients,
        batch.state,
        step,
      );
      const all = {...batch, ...moved, best};
      return (left ? select(all, left) : all) as unknown as tf.TensorContainer;
    }) as unknown as Batch;
    replace(batch, next);
    batch = next;
    if (batch.images.shape[0] === 0) {
      finished.repeatRecord(step);
      return;
    }
  }
  tf.tidy(() => {
    const parameters = project(args, batch);
    const outcome = look(args, batch, parameters);
    const best = better(batch.best, outcome, args.keep);
    finished.takeAll({...batch, parameters}, {...outcome, ...best});
  });
}

function begin(args: PgdArgs): Batch {
  return {
    images: tf.clone(args.images),
    labels: tf.clone(args.labels),
    cleanLogits: args.needsCleanLogits ? args.logits(args.images) : null,
    constants: args.threatModel.prepare(args.images),
    parameters: args.start.map(t => tf.clone(t)),
    state: args.optimizer.init(args.start),
    best: null,
  };
}

function project({threatModel}: PgdArgs, batch: Batch): tf.Tensor[] {
  return threatModel.project(batch.parameters, batch.images, batch.constants);
}

/** The forward pass alone. */
function look(
  args: PgdArgs,
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
function evaluate(args: PgdArgs, batch: Batch, at: tf.Tensor[]) {
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
      tf.valueAndGrads(objective)(at),
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
    tf.dispose(outcome as unknown as tf.TensorContainer);
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

/** The batch without the examples that have stopped. */
function select(batch: Batch, left: number[]): Batch {
  const take = <T extends tf.Tensor>(t: T) => keepRows(t, left);
  return {
    images: take(batch.images),
    labels: take(batch.labels),
    cleanLogits: batch.cleanLogits && take(batch.cleanLogits),
    constants: batch.constants.map(take),
    parameters: batch.parameters.map(take),
    state: batch.state.map(take),
    best: batch.best && {
      adversarial: take(batch.best.adversarial),
      margin: take(batch.best.margin),
    },
  };
}

/** Disposes what the new batch no longer has. */
function replace(old: Batch, next: Batch): void {
  const kept = new Set(tensorsOf(next));
  tensorsOf(old)
    .filter(t => !kept.has(t))
    .forEach(t => t.dispose());
}

function tensorsOf(batch: Batch): tf.Tensor[] {
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
