import * as tf from '@tensorflow/tfjs';
import {cosine, learningRate, oneCycle, stepDecay} from '../../src/index.js';
import {MILESTONES, type Settings} from './settings.js';

export function makeOptimizer({optimizer, learningRate}: Settings) {
  return optimizer === 'adam'
    ? tf.train.adam(learningRate)
    : tf.train.momentum(learningRate, 0.9, true);
}

/** The callback of the schedule, where there is one. */
export function scheduleCallbacks(
  {schedule, learningRate: peak, epochs, warmUp}: Settings,
  batchesPerEpoch: number,
): tf.CustomCallback[] {
  const steps = epochs * batchesPerEpoch;
  switch (schedule) {
    case 'constant':
      return [];
    case 'steps': {
      const milestones = MILESTONES.map(part => Math.floor(part * steps));
      return [learningRate(stepDecay({peak, milestones}))];
    }
    case 'cosine':
      return [
        learningRate(cosine({peak, steps, warmUp: warmUp * batchesPerEpoch})),
      ];
    case 'one-cycle':
      return [learningRate(oneCycle({peak, steps}))];
  }
}

/** Running products of tfjs's Adam that its `getWeights` leaves out. */
const PRODUCTS = ['accBeta1', 'accBeta2'];

type Products = Record<string, tf.Variable | undefined>;

/**
 * An optimizer's whole state. The tensors belong to it.
 *
 * `getWeights` alone is not enough: Adam's `setWeights` computes its running
 * products as powers, which differ in the last bits.
 */
export async function optimizerState(
  optimizer: tf.Optimizer,
): Promise<{iterations: number; tensors: Map<string, tf.Tensor>}> {
  const tensors = new Map<string, tf.Tensor>();
  const [count, ...moments] = await optimizer.getWeights();
  count.tensor.dispose();
  moments.forEach(({tensor}, i) => tensors.set(`moment.${i}`, tensor));
  for (const name of PRODUCTS) {
    const value = (optimizer as unknown as Products)[name];
    if (value) tensors.set(name, value);
  }
  return {iterations: optimizer.iterations, tensors};
}

/** The reverse, for a new optimizer; takes copies. */
export async function restoreOptimizer(
  optimizer: tf.Optimizer,
  iterations: number,
  tensors: Map<string, tf.Tensor>,
): Promise<void> {
  const moments: tf.Tensor[] = [];
  for (let i = 0; tensors.has(`moment.${i}`); i++) {
    moments.push(tensors.get(`moment.${i}`)!);
  }
  const count = tf.scalar(iterations, 'int32');
  await optimizer.setWeights([
    {name: 'iter', tensor: count},
    ...moments.map((tensor, i) => ({name: `moment.${i}`, tensor})),
  ]);
  count.dispose();
  for (const name of PRODUCTS) {
    const value = tensors.get(name);
    if (value) (optimizer as unknown as Products)[name]?.assign(value);
  }
}

/**
 * Puts a used optimizer back to an earlier state of its own. Moments that it did
 * not have then become zero, which is how it makes them.
 */
export async function rewindOptimizer(
  optimizer: tf.Optimizer,
  {iterations, tensors}: {iterations: number; tensors: Map<string, tf.Tensor>},
): Promise<void> {
  const present = await optimizerState(optimizer);
  tf.tidy(() => {
    for (const [name, variable] of present.tensors) {
      const before = tensors.get(name) ?? tf.zerosLike(variable);
      (variable as tf.Variable).assign(before);
    }
  });
  (optimizer as unknown as {iterations_: number}).iterations_ = iterations;
}
