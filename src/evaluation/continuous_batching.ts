import * as tf from '@tensorflow/tfjs';
import type {Attack} from '../attacks/attack.js';
import type {Classifier} from '../models/logits.js';
import {advance, type Batch} from '../attacks/pgd_step.js';
import {searchArgs} from '../attacks/search_args.js';
import {breathe} from './event_loop.js';
import type {CellArgs} from './attack_examples.js';
import type {Examples} from './examples.js';
import {Slots} from './batch_slots.js';
import {type Ticket, Tickets} from './example_queue.js';

/** The share of places that have to be free before they are filled: copying the batch for one is not worth it. */
const FREE_SHARE = 1 / 16;

/** Each further shape has to be compiled anew on some backends. */
const HALVINGS = 2;

/**
 * Attacks examples with full batches: one that has fallen (or has had all its
 * steps) leaves, and the next takes its place with its own step count and
 * optimizer state, as servers of language models do with requests ("continuous
 * batching", Yu et al. 2022, Orca). Shapes stay the same, and the time follows
 * the work left. Towards the end, when nothing waits any more, the batch is
 * halved a few times as it empties.
 *
 * Each example gets what {@link Attack.perturb} with `earlyStop` would give it.
 */
export async function attackContinuously(
  attack: Attack,
  classifier: Classifier,
  data: Examples,
  args: CellArgs,
): Promise<void> {
  const tickets = new Tickets(attack, classifier, data, args.batchSize);
  return attackQueue(tickets, attack, classifier, args);
}

/** What hands out examples: see {@link Tickets}. */
export type TicketQueue = Pick<
  Tickets,
  'take' | 'putBack' | 'close' | 'imageShape'
>;

/** The same for a queue of examples. */
export async function attackQueue(
  tickets: TicketQueue,
  attack: Attack,
  classifier: Classifier,
  args: QueueArgs,
): Promise<void> {
  let slots: Slots | null = null;
  try {
    const first = await tickets.take(args.batchSize);
    if (first.length === 0) return;
    const search = searchArgs(attack.threatModel, attack.options, classifier);
    slots = new Slots(attack, search, tickets.imageShape, first);
    const smallest = Math.ceil(slots.size / 2 ** HALVINGS);
    while (slots.active > 0) {
      step(slots, search, attack, tickets, args);
      await breathe();
      if (args.signal?.aborted) return;
      await refill(slots, tickets, smallest);
    }
  } finally {
    slots?.dispose();
    await tickets.close();
  }
}

/** {@link CellArgs} of examples that have a ticket. */
export interface QueueArgs extends CellArgs {
  onFinished(example: Ticket): void;
}

/** One step of all searches; those that end give up their places. */
function step(
  slots: Slots,
  search: ReturnType<typeof searchArgs>,
  attack: Attack,
  tickets: TicketQueue,
  {wanted, onFinished}: QueueArgs,
): void {
  const passes = slots.slots.map(slot => ++slot.passes);
  const {batch, margin, adversarial} = tf.tidy(() => {
    const {batch, outcome} = advance(search, slots.batch, passes);
    const {margin, adversarial} = outcome;
    // What nobody keeps, a lazy backend does not even store.
    const seen = {batch, margin, adversarial: wanted ? adversarial : null};
    return seen as unknown as tf.TensorContainerObject;
  }) as unknown as Seen;
  slots.replaceBatch(batch);
  const margins = margin.dataSync();
  slots.slots.forEach((slot, i) => {
    const {ticket} = slot;
    const now = margins[i];
    if (!ticket) return;
    // A NaN counts as fallen, as everywhere.
    const fallen = !(now >= 0) && slot.passes <= search.steps;
    if (search.keep === 'last' || fallen || now < slot.margin) {
      slot.margin = now;
    }
    if (!fallen && slot.passes <= search.steps) return;
    slot.ticket = null;
    if (ticket.restart === 0 || slot.margin < ticket.margin) {
      ticket.margin = slot.margin;
      if (wanted?.(ticket.index)) {
        const from =
          fallen || !batch.best ? adversarial! : batch.best.adversarial;
        ticket.adversarial = row(from, i);
      }
    }
    ticket.restart++;
    if (ticket.margin >= 0 && ticket.restart < attack.options.restarts) {
      tickets.putBack(ticket);
    } else {
      onFinished(ticket);
    }
  });
  tf.dispose([margin, ...(adversarial ? [adversarial] : [])]);
}

interface Seen {
  batch: Batch;
  margin: tf.Tensor1D;
  adversarial: tf.Tensor4D | null;
}

/** One image, on the host. The whole batch is read: a slice would be a graph of its own for each place. */
function row(images: tf.Tensor4D, i: number): Float32Array {
  const size = images.size / images.shape[0];
  return (images.dataSync() as Float32Array).slice(i * size, (i + 1) * size);
}

/** Fills free places, or, where nothing waits any more, makes do with fewer. */
async function refill(
  slots: Slots,
  tickets: TicketQueue,
  smallest: number,
): Promise<void> {
  for (;;) {
    const free = slots.size - slots.active;
    const few = slots.active > 0 && free < slots.size * FREE_SHARE;
    if (free === 0 || few) return;
    if (!slots.waiting) {
      const next = await tickets.take(slots.size);
      if (next.length === 0) break;
      slots.prepare(next);
    }
    slots.fill();
  }
  let size = slots.size;
  while (size > smallest && Math.ceil(size / 2) >= slots.active) {
    size = Math.ceil(size / 2);
  }
  if (slots.active > 0 && size < slots.size) slots.shrink(size);
}
