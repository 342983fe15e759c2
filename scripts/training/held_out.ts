import type * as tf from '@tensorflow/tfjs';
import {evaluateRobustness, type ImageSet} from '../../src/index.js';
import type {Defense} from '../defenses.js';

/** Steps of the attack that chooses the best epoch: enough to tell epochs apart. */
export const STEPS = 10;

/** Accuracy on images that are not trained on. */
export interface HeldOut {
  clean: number;
  /** Under the defence's own attack; of a plain training, none. */
  robust?: number;
}

/** A spec of the attack that a defence is judged by, if it trains against one. */
export function judgingAttack({training}: Defense): string | undefined {
  return training ? String(training.attack) : undefined;
}

/**
 * Accuracy on the held-out images, clean and under a short run of the defence's
 * own attack.
 */
export async function evaluateHeldOut(
  model: tf.LayersModel,
  data: ImageSet,
  defense: Defense,
  seed: number,
): Promise<HeldOut> {
  const attack = judgingAttack(defense);
  const {results} = await evaluateRobustness(model, data, {
    attacks: ['None', ...(attack ? [attack] : [])],
    steps: STEPS,
    // As far as the 100 steps of 0.001 of an evaluation.
    learningRate: 0.1 / STEPS,
    batchSize: Math.min(100, data.size),
    // Shapes that stay as they are are compiled once.
    earlyStop: false,
    seed,
  });
  return {
    clean: results[0].accuracy,
    ...(attack && {robust: results[1].accuracy}),
  };
}

/** What the best epoch has most of. */
export function score({clean, robust}: HeldOut): number {
  return robust ?? clean;
}
