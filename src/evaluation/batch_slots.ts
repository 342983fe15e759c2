import * as tf from '@tensorflow/tfjs';
import type {Attack} from '../attacks/attack.js';
import {
  batchTensors,
  begin,
  type Batch,
  combineBatches,
  disposeReplaced,
  type StepArgs,
} from '../attacks/pgd_step.js';
import {optimizerSeeds, startAt} from '../attacks/search_args.js';
import type {Ticket} from './example_queue.js';
import {tidy} from '../ops/tidy.js';

/** A place in the batch. */
export interface Slot {
  /** Whose search it holds; null where that has ended. */
  ticket: Ticket | null;
  /** Forward passes that the search has had. */
  passes: number;
  /** The smallest margin that it has seen. */
  margin: number;
}

/** A batch of constant size whose places are filled again as they become free. */
export class Slots {
  batch: Batch;
  slots: Slot[];
  /** Searches that have begun on the device but not yet found a place. */
  private reserve: {batch: Batch; tickets: Ticket[]; used: number} | null =
    null;

  constructor(
    private readonly attack: Attack,
    private readonly args: StepArgs,
    private readonly imageShape: [number, number, number],
    tickets: Ticket[],
  ) {
    this.batch = this.begin(tickets);
    this.slots = tickets.map(newSlot);
  }

  get size(): number {
    return this.slots.length;
  }

  /** How many searches are under way. */
  get active(): number {
    return this.slots.filter(slot => slot.ticket).length;
  }

  /** Whether searches that have begun wait for a place. */
  get waiting(): boolean {
    return this.reserve !== null;
  }

  /** Begins searches that will {@link fill} free places: at most as many as there are places. */
  prepare(tickets: Ticket[]): void {
    // Repeated to the full size: another shape would have to be compiled.
    const full = this.slots.map((_, i) => tickets[i % tickets.length]);
    this.reserve = {batch: this.begin(full), tickets, used: 0};
  }

  /** Gives free places to what {@link prepare} has begun, as far as it goes. */
  fill(): void {
    const {reserve, size} = this;
    if (!reserve) return;
    const rows = this.slots.map((slot, i) => {
      if (slot.ticket || reserve.used === reserve.tickets.length) return i;
      const next = reserve.used++;
      this.slots[i] = newSlot(reserve.tickets[next]);
      return size + next;
    });
    const joined = tidy(() => {
      const indices = tf.tensor1d(rows, 'int32');
      return combineBatches([this.batch, reserve.batch], pair =>
        tf.gather(tf.concat(pair), indices),
      );
    });
    this.replaceBatch(joined);
    if (reserve.used === reserve.tickets.length) this.disposeReserve();
  }

  /** Keeps the searches that are under way and as many other places as `size` has room for. */
  shrink(size: number): void {
    const order = this.slots.map((_, i) => i);
    const rows = [
      ...order.filter(i => this.slots[i].ticket),
      ...order.filter(i => !this.slots[i].ticket),
    ].slice(0, size);
    const smaller = tidy(() => {
      const indices = tf.tensor1d(rows, 'int32');
      return combineBatches([this.batch], ([t]) => tf.gather(t, indices));
    });
    this.replaceBatch(smaller);
    this.slots = rows.map(i => this.slots[i]);
  }

  replaceBatch(next: Batch): void {
    disposeReplaced(this.batch, next);
    this.batch = next;
  }

  dispose(): void {
    tf.dispose(batchTensors(this.batch));
    this.disposeReserve();
  }

  private disposeReserve(): void {
    if (this.reserve) tf.dispose(batchTensors(this.reserve.batch));
    this.reserve = null;
  }

  private begin(tickets: Ticket[]): Batch {
    const n = tickets.length;
    return tidy(() => {
      const images = tf.tensor4d(rows(tickets.map(t => t.image)), [
        n,
        ...this.imageShape,
      ]);
      const labels = tf.tensor2d(rows(tickets.map(t => t.label)), [
        n,
        tickets[0].label.length,
      ]);
      const seeds = tickets.flatMap(t => t.seed ?? []);
      const restarts = tickets.map(t => t.restart);
      const start = startAt(
        this.attack.threatModel,
        this.attack.options,
        images,
        seeds,
        restarts,
      );
      const targets = tickets.flatMap(t => t.targets?.[t.restart] ?? []);
      const batch = begin(this.args, images, labels, start, {
        seeds: optimizerSeeds(seeds, restarts),
        targets: targets.length
          ? tf.tensor2d(rows(targets), [n, targets[0].length])
          : null,
      });
      if (this.args.keep === 'best') {
        // There from the start, so that new examples can join old ones.
        batch.best = {
          adversarial: tf.clone(images),
          margin: tf.tensor1d(new Float32Array(n).fill(Infinity)),
        };
      }
      return batch;
    });
  }
}

function newSlot(ticket: Ticket): Slot {
  return {ticket, passes: 0, margin: Infinity};
}

function rows(parts: Float32Array[]): Float32Array {
  const all = new Float32Array(parts.length * parts[0].length);
  parts.forEach((part, i) => all.set(part, i * part.length));
  return all;
}
