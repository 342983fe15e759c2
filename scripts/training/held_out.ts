import type * as tf from '@tensorflow/tfjs';
import {evaluateRobustness, type ImageSet} from '../../src/index.js';

/** Steps of the attack that selects the best epoch: enough to tell epochs apart. */
export const STEPS = 10;

/** Accuracy on images that are not trained on. */
export interface HeldOut {
  clean: number;
  /** Under the worst of the defense's own attacks; of a plain training, none. */
  robust?: number;
}

/**
 * Accuracy on the held-out images, clean and under a short run of each attack.
 */
export async function evaluateHeldOut(
  model: tf.LayersModel,
  data: ImageSet,
  attacks: readonly string[],
  {
    seed,
    onProgress,
  }: {seed: number; onProgress?: (done: number, total: number) => void},
): Promise<HeldOut> {
  let current: string | undefined;
  let before = 0;
  const {results, worstCase} = await evaluateRobustness(model, data, {
    attacks: ['None', ...attacks],
    steps: STEPS,
    // Reaches as far as the 100 steps of 0.001 of an evaluation.
    learningRate: 0.1 / STEPS,
    batchSize: Math.min(100, data.size),
    // Constant shapes are compiled once.
    earlyStop: false,
    seed,
    onProgress: ({attack, done}) => {
      if (attack !== current) before += current === undefined ? 0 : data.size;
      current = attack;
      onProgress?.(before + done, data.size * (attacks.length + 1));
    },
  });
  const clean = results[0].accuracy;
  return attacks.length > 0 ? {clean, robust: worstCase} : {clean};
}

/** What is compared between epochs. */
export function score({clean, robust}: HeldOut): number {
  return robust ?? clean;
}
