import * as tf from '@tensorflow/tfjs';
import type {PaperRow} from '../paper_rows.js';
import {type Card, versions} from './card.js';
import type {Place} from './checkpoint.js';
import {type HeldOut, judgingAttacks, score, STEPS} from './held_out.js';
import {published, type Settings} from './settings.js';

/** Adds one batch's logs to the epoch's. */
export function addLogs(place: Place, logs: tf.Logs): void {
  const {size} = logs as {size: number};
  for (const [key, value] of Object.entries(logs)) {
    if (key === 'batch' || key === 'size') continue;
    place.sums[key] = (place.sums[key] ?? 0) + size * Number(value);
  }
  place.seen += size;
}

/** The epoch's logs, once it is whole. */
export function means({sums, seen}: Place): Record<string, number> {
  return Object.fromEntries(
    Object.entries(sums).map(([key, sum]) => [key, sum / seen]),
  );
}

/**
 * What tfjs says of an epoch is of the batches since the run was taken up, and
 * it says so of an epoch that was cut short too. To come before the callbacks
 * that are to be told of whole epochs alone.
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
 * Counted from 1: the last epoch whose weights are, on so many held-out
 * `examples`, no more than one standard error less robust than the most robust
 * ones (the "one standard error" rule of Breiman et al. 1984, where later
 * stands for simpler). Without held-out images the last of all.
 */
export function bestEpoch(history: Place['history'], examples: number): number {
  const scores = history.map(entry => {
    const found = heldOutOf(entry);
    return found ? score(found) : 0;
  });
  const highest = Math.max(...scores);
  // Laplace's estimate: of 1 in 1000 the error is not nearly nothing.
  const rate = (highest * examples + 1) / (examples + 2);
  const error = Math.sqrt((rate * (1 - rate)) / (examples + 2));
  return scores.findLastIndex(s => s >= highest - error) + 1;
}

/** What is known of a run after its last finished epoch. */
export async function makeCard(
  defense: PaperRow,
  settings: Settings,
  {history, seconds}: Place,
  examples: number,
): Promise<Card> {
  const best = bestEpoch(history, examples);
  const found = heldOutOf(history[best - 1]);
  const attack = judgingAttacks(defense).join(', ');
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
