import type {TicketQueue} from './continuous_batching.js';
import type {Ticket} from './example_queue.js';
import type {Chunk, StrongExample} from './strong_examples.js';
import type {StrongSearch} from './strong_searches.js';

/** Examples that no search has broken yet, as a queue for the next one. */
export class SurvivorQueue implements TicketQueue {
  readonly imageShape: [number, number, number];
  private readonly ready: Ticket[];
  private readonly again: Ticket[] = [];

  /** @param number Which of the searches this is: each draws other random numbers. */
  constructor(
    {imageShape, classes}: Chunk,
    survivors: StrongExample[],
    {targets}: StrongSearch,
    number: number,
  ) {
    this.imageShape = imageShape;
    const rows = Array.from({length: classes}, (_, c) =>
      Float32Array.from({length: classes}, (_, k) => Number(c === k)),
    );
    this.ready = survivors.map(({index, image, label, seed, others}) => ({
      index,
      image,
      label,
      seed: seed + number * 15485863,
      ...(targets > 0 && {
        targets: others.slice(0, targets).map(c => rows[c]),
      }),
      restart: 0,
      margin: Infinity,
    }));
  }

  async take(count: number): Promise<Ticket[]> {
    const fresh = this.ready.splice(0, count);
    return [...fresh, ...this.again.splice(0, count - fresh.length)];
  }

  putBack(ticket: Ticket): void {
    this.again.push(ticket);
  }
}
