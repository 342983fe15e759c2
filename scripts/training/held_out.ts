import type * as tf from '@tensorflow/tfjs';
import {evaluateRobustness, type ImageSet} from '../../src/index.js';
import type {PaperRow} from '../paper_rows.js';

/** Steps of the attack that chooses the best epoch: enough to tell epochs apart. */
export const STEPS = 10;

/** Accuracy on images that are not trained on. */
export interface HeldOut {
  clean: number;
  /** Under the worst of the defense's own attacks; of a plain training, none. */
  robust?: number;
}

/** Specs of the attacks that a defense is judged by, if it trains against any. */
export function judgingAttacks({training}: PaperRow): string[] {
  return training ? [training.attack].flat().map(String) : [];
}

/**
 * Accuracy on the held-out images, clean and under a short run of the defense's
 * own attack.
 */
export async function evaluateHeldOut(
  model: tf.LayersModel,
  data: ImageSet,
  defense: PaperRow,
  seed: number,
): Promise<HeldOut> {
  const attacks = judgingAttacks(defense);
  const {results, worstCase} = await evaluateRobustness(model, data, {
    attacks: ['None', ...attacks],
    steps: STEPS,
    // As far as the 100 steps of 0.001 of an evaluation.
    learningRate: 0.1 / STEPS,
    batchSize: Math.min(100, data.size),
    // Shapes that stay as they are are compiled once.
    earlyStop: false,
    seed,
  });
  // What survives the attacks is classified correctly without them.
  const clean = results[0].accuracy;
  return attacks.length > 0 ? {clean, robust: worstCase} : {clean};
}

/** What the best epoch has most of. */
export function score({clean, robust}: HeldOut): number {
  return robust ?? clean;
}
