import * as tf from '@tensorflow/tfjs';
import type {PaperRow} from '../paper_rows.js';
import {type Card, versions} from './card.js';
import type {Place} from './checkpoint.js';
import {attacksOf} from './attacks_of.js';
import {type HeldOut, score, STEPS} from './held_out.js';
import {published, type Settings} from './settings.js';

/** Adds the logs of a batch to those of the epoch. */
export function addLogs(place: Place, logs: tf.Logs): void {
  const {size} = logs as {size: number};
  for (const [key, value] of Object.entries(logs)) {
    if (key === 'batch' || key === 'size') continue;
    place.sums[key] = (place.sums[key] ?? 0) + size * Number(value);
  }
  place.seen += size;
}

/** The logs of a finished epoch. */
export function means({sums, seen}: Place): Record<string, number> {
  return Object.fromEntries(
    Object.entries(sums).map(([key, sum]) => [key, sum / seen]),
  );
}

/**
 * tfjs's logs of an epoch cover the batches since the run was resumed, and an
 * epoch that was cut short has them too. This callback must come before those
 * that should see whole epochs only.
 */
export function wholeEpochs(place: Place, batches: number): tf.CustomCallback {
  return new tf.CustomCallback({
    onEpochEnd: async (_, logs = {}) => {
      if (place.batch === batches) {
        Object.assign(logs, means(place));
      } else {
        for (const key of Object.keys(logs)) delete logs[key];
      }
    },
  });
}

function heldOutOf(entry: Record<string, number>): HeldOut | undefined {
  return entry.held_out_acc === undefined
    ? undefined
    : {clean: entry.held_out_acc, robust: entry.held_out_adv_acc};
}

/**
 * The best epoch, counted from 1: the last one that is at most one standard
 * error less robust than the most robust one (the "one standard error" rule of
 * Breiman et al. 1984, with later in place of simpler). Without held-out images,
 * the last of all.
 *
 * @param examples number of held-out images.
 */
export function bestEpoch(history: Place['history'], examples: number): number {
  const scores = history.map(entry => {
    const found = heldOutOf(entry);
    return found ? score(found) : 0;
  });
  const highest = Math.max(...scores);
  // Laplace's estimate: the error of 1 in 1000 is not close to 0.
  const rate = (highest * examples + 1) / (examples + 2);
  const error = Math.sqrt((rate * (1 - rate)) / (examples + 2));
  return scores.findLastIndex(s => s >= highest - error) + 1;
}

/** The card of a run after its last finished epoch. */
export async function makeCard(
  defense: PaperRow,
  settings: Settings,
  {history, seconds}: Place,
  examples: number,
): Promise<Card> {
  const best = bestEpoch(history, examples);
  const found = heldOutOf(history[best - 1]);
  const attack = attacksOf(defense, settings.smoothness).join(', ');
  return {
    defense: defense.name,
    settings: published(settings),
    bestEpoch: best,
    ...(found && {
      heldOut: {examples, ...found, ...(attack && {attack, steps: STEPS})},
    }),
    history,
    seconds,
    versions: await versions(),
  };
}
