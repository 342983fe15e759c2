import * as tf from '@tensorflow/tfjs';
import type {Attack} from '../attacks/attack.js';
import type {Classifier} from '../models/logits.js';
import {withstands} from '../attacks/losses.js';
import {isLess} from '../attacks/outcome.js';
import {advance, type Batch} from '../attacks/pgd_step.js';
import {searchArgs} from '../attacks/search_args.js';
import {breathe} from '../ops/event_loop.js';
import {dispose, tidy} from '../ops/tidy.js';
import type {AttackExamplesArgs} from './attack_examples.js';
import {Slots} from './batch_slots.js';
import {type Ticket, Tickets} from './example_queue.js';
import type {LoadedExamples} from './loaded_examples.js';
import {readEach} from './neighbor_differences.js';

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
  data: LoadedExamples,
  args: AttackExamplesArgs,
): Promise<void> {
  const tickets = new Tickets(data, attack.options, args.batchSize);
  return attackQueue(tickets, attack, classifier, args);
}

/** What hands out examples: see {@link Tickets}. */
export type TicketQueue = Pick<Tickets, 'imageShape' | 'take' | 'putBack'>;

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
    const search = searchArgs(attack.threatModel, attack.options, classifier);
    slots = new Slots(attack, search, tickets.imageShape, first);
    const smallest = Math.ceil(slots.size / 2 ** HALVINGS);
    while (slots.active > 0) {
      await step(slots, search, attack, tickets, args);
      await breathe();
      if (args.signal?.aborted) return;
      await refill(slots, tickets, smallest);
    }
  } finally {
    slots?.dispose();
  }
}

/** {@link AttackExamplesArgs} of examples that have a ticket. */
export interface QueueArgs extends AttackExamplesArgs {
  onFinished(example: Ticket): void;
  /** False where a success may be luck: each search then has all its steps. Default true. */
  earlyStop?: boolean;
}

/** One step of all searches; those that end give up their places. */
async function step(
  slots: Slots,
  search: ReturnType<typeof searchArgs>,
  attack: Attack,
  tickets: TicketQueue,
  {wanted, onFinished, onNonFinite, earlyStop = true}: QueueArgs,
): Promise<void> {
  const passes = slots.slots.map(slot => ++slot.passes);
  // What this step's forward pass sees, kept until it is known who has ended.
  const parameters = slots.batch.parameters.map(t => tf.clone(t));
  const {batch, margin, adversarial} = tidy((): Seen => {
    const {batch, outcome} = advance(search, slots.batch, passes);
    const {margin, adversarial} = outcome;
    // What is not kept, a lazy backend does not even store.
    return {batch, margin, adversarial: wanted ? adversarial : null};
  });
  slots.replaceBatch(batch);
  try {
    const margins = await margin.data();
    const ended = slots.slots.flatMap((slot, i) => {
      const {ticket} = slot;
      const now = margins[i];
      if (!ticket) return [];
      // Written so that a NaN counts as fallen: see isBetter.
      const fallen =
        earlyStop && !withstands(now) && slot.passes <= search.steps;
      if (search.keep === 'last' || fallen || isLess(now, slot.margin)) {
        slot.margin = now;
      }
      if (!fallen && slot.passes <= search.steps) return [];
      slot.ticket = null;
      return [{slot, ticket, i, fallen}];
    });
    if (ended.length === 0) return;
    const measured = tidy(() => ({
      differences: attack.threatModel.neighborDifferences?.(parameters) ?? {},
      sizes: attack.threatModel.sizes?.(parameters) ?? {},
    }));
    let differences, sizes: (i: number) => Record<string, number>;
    try {
      differences = await readEach(measured.differences);
      sizes = await readEach(measured.sizes);
    } finally {
      dispose(measured);
    }
    for (const {slot, ticket, i, fallen} of ended) {
      if (ticket.restart === 0 || isLess(slot.margin, ticket.margin)) {
        ticket.margin = slot.margin;
        ticket.neighborDifferences = differences(i);
        ticket.sizes = sizes(i);
        if (wanted?.(ticket.index)) {
          const from =
            fallen || !batch.best ? adversarial! : batch.best.adversarial;
          ticket.adversarial = await row(from, i);
        }
      }
      ticket.restart++;
      if (
        (withstands(ticket.margin) || !earlyStop) &&
        ticket.restart < attack.options.restarts
      ) {
        tickets.putBack(ticket);
      } else {
        onFinished(ticket);
      }
    }
    if (!onNonFinite) return;
    const faults = await batch.faults.data();
    const faulty = ended.filter(({i}) => faults[i] > 0).length;
    if (faulty > 0) onNonFinite(faulty);
  } finally {
    tf.dispose([...parameters, margin, ...(adversarial ? [adversarial] : [])]);
  }
}

interface Seen {
  batch: Batch;
  margin: tf.Tensor1D;
  adversarial: tf.Tensor4D | null;
}

/** One image, on the host. The whole batch is read: a slice would be a graph of its own for each place. */
async function row(images: tf.Tensor4D, i: number): Promise<Float32Array> {
  const size = images.size / images.shape[0];
  const values = (await images.data()) as Float32Array;
  return values.slice(i * size, (i + 1) * size);
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
