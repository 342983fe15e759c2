import * as tf from '@tensorflow/tfjs';
import {dispose} from '../ops/tidy.js';
import type {
  TrainableModel,
  TrainData,
  TrainFunction,
} from '../tfjs/train_function.js';
import type {Adversaries} from './adversaries.js';
import type {AdversarialTrainingArgs} from './adversarial_training_args.js';
import {type Crafted, judge, type Judged} from './adversary.js';
import type {AttackLog} from './attack_log.js';
import type {BatchLogs} from './batch_logs.js';
import {smoothLabels} from './label_smoothing.js';
import {type Batch, objectiveStep, ownLoss} from './objective_step.js';

/** What a training step needs beside the model and the batch. */
export interface StepContext {
  args: AdversarialTrainingArgs;
  adversaries: Adversaries;
  logs: BatchLogs;
  attackLog: AttackLog | null;
}

/**
 * One update on one batch: craft in inference mode, update in training mode.
 *
 * @param plain tfjs's own step.
 * @returns The loss and the metrics, kept.
 */
export function trainingStep(
  context: StepContext,
  model: TrainableModel,
  data: TrainData,
  plain: TrainFunction,
): tf.Scalar[] {
  // Counted by the optimizer, whose count is saved with its state: a run that
  // goes on where it stopped attacks the same batches with the same numbers.
  const step = model.optimizer.iterations;
  const {args, logs} = context;
  const made: unknown[] = [];
  const own = <T extends tf.Tensor>(t: T): T => {
    made.push(t);
    return t;
  };
  try {
    const {labelSmoothing = 0, awp = 0, objective, every = 1} = args;
    const [images, labels, given] = data as [tf.Tensor4D, tf.Tensor, unknown];
    const batch: Batch = {
      images,
      labels: own(forLoss(labels, labelSmoothing)),
      sampleWeights: (given ?? null) as tf.Tensor1D | null,
    };
    let adversarial = images;
    let ready = batch;
    if (step % every === 0) {
      const crafted = craft(context, model, {...batch, labels}, step, made);
      ({adversarial, ...ready} = mixed(context, batch, crafted, own));
    } else {
      logs.writeAgain();
    }
    if (objective && step % every === 0) {
      return objectiveStep(model, objective, ready, adversarial, awp);
    }
    if (awp > 0) {
      return objectiveStep(model, ownLoss, ready, adversarial, awp);
    }
    const rest = [ready.labels, ready.sampleWeights].slice(0, data.length - 1);
    return plain([adversarial, ...rest]);
  } finally {
    dispose(made);
  }
}

/** Labels as tfjs's losses take them: of class indices, it wants float32. */
function forLoss(labels: tf.Tensor, smoothing: number): tf.Tensor {
  return smoothing > 0
    ? smoothLabels(labels, smoothing)
    : tf.cast(labels, 'float32');
}

/** Adversarial examples of the share of the batch that is attacked, logged. */
function craft(
  {args, adversaries, logs, attackLog}: StepContext,
  model: TrainableModel,
  batch: Batch,
  step: number,
  made: unknown[],
): Crafted {
  const classifier = model as unknown as tf.LayersModel;
  const count = attacked(args, batch.images.shape[0]);
  const all = count === batch.images.shape[0];
  const [images, labels] = [batch.images, batch.labels].map(t => {
    if (all) return t;
    const part = tf.slice(t, 0, count);
    made.push(part);
    return part;
  }) as [tf.Tensor4D, tf.Tensor];
  const started = performance.now();
  const places = adversaries.ofBatch(step);
  const due = logs.isFirst || step % (args.metricsEvery ?? 1) === 0;
  const judging = due || adversaries.needsMargins || attackLog?.isDue;
  const each = places.map(k => {
    const adversary = adversaries.current[k];
    const crafted = adversary.craft(classifier, images, labels, step);
    return judging ? judge(crafted, classifier, labels) : crafted;
  });
  made.push(each);
  const crafted = adversaries.combine(each);
  made.push(crafted);
  if (judging) adversaries.note(places[0], each[0] as Judged);
  const craftMs = performance.now() - started;
  if (due) {
    logs.write(classifier, {images, labels, crafted, craftMs});
    if (adversaries.union) {
      const names = places.map(k => adversaries.names[k]);
      logs.writeUnion(names, each, crafted);
    }
  } else {
    logs.writeAgain(craftMs);
  }
  attackLog?.write(images, crafted);
  return crafted;
}

/** How many images of a batch are attacked. */
function attacked({mix}: AdversarialTrainingArgs, size: number): number {
  return typeof mix === 'number' ? Math.max(1, Math.round(mix * size)) : size;
}

/** What the update runs on. */
function mixed(
  {args, adversaries}: StepContext,
  {images, labels, sampleWeights}: Batch,
  {adversarial}: Crafted,
  own: <T extends tf.Tensor>(t: T) => T,
): Batch & {adversarial: tf.Tensor4D} {
  const size = images.shape[0];
  const join = <T extends tf.Tensor>(...parts: T[]) =>
    own(tf.concat(parts) as T);
  if (typeof args.mix === 'number') {
    const count = adversarial.shape[0];
    const rest = own(tf.slice(images, count));
    const together = count < size ? join(adversarial, rest) : adversarial;
    return {images, labels, sampleWeights, adversarial: together};
  }
  // One copy for each of the attacks whose examples are stacked.
  const copies = adversaries.union === 'mean' ? adversarial.shape[0] / size : 1;
  const repeat = <T extends tf.Tensor | null>(t: T, times: number): T =>
    t && times > 1 ? (join(...new Array(times).fill(t)) as T) : t;
  const both = args.mix === 'both' ? 1 : 0;
  return {
    images: repeat(images, copies),
    labels: repeat(labels, copies + both),
    sampleWeights: repeat(sampleWeights, copies + both),
    adversarial: both ? join(images, adversarial) : adversarial,
  };
}
