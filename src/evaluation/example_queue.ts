import {exampleSeed} from '../attacks/example_seeds.js';
import type {ResolvedOptions} from '../attacks/options.js';
import {isRandom} from '../attacks/search_args.js';
import type {LoadedExamples} from './loaded_examples.js';

/** An example that waits for a search, on the host. */
export interface Ticket {
  /** Its place in the data. */
  index: number;
  image: Float32Array;
  /** One-hot. */
  label: Float32Array;
  seed: number | undefined;
  /** One-hot, for each search: the class that it moves toward. */
  targets?: Float32Array[];
  /** Searches that it has withstood. */
  restart: number;
  /** The smallest margin that these have left; Infinity before the first. */
  margin: number;
  /** The image of that margin, where it is wanted. */
  adversarial?: Float32Array;
  /** See {@link Perturbed.neighborDifferences}: of that search's last perturbation. */
  neighborDifferences?: Record<string, number>;
  /** See {@link Perturbed.sizes}: of the same perturbation. */
  sizes?: Record<string, number>;
}

/** The examples as a queue; those that withstood a search come back at its end for the next. */
export class Tickets {
  private readonly ready: Ticket[] = [];
  private readonly again: Ticket[] = [];
  private next = 0;

  constructor(
    private readonly data: LoadedExamples,
    private readonly options: ResolvedOptions,
    private readonly batchSize: number,
  ) {}

  /** [H, W, C] */
  get imageShape(): [number, number, number] {
    return this.data.imageShape;
  }

  /** Up to `count` tickets; fewer only where there are no more for now. */
  async take(count: number): Promise<Ticket[]> {
    while (this.ready.length < count && this.next < this.data.size) {
      await this.read();
    }
    const fresh = this.ready.splice(0, count);
    return [...fresh, ...this.again.splice(0, count - fresh.length)];
  }

  /** Puts a ticket back for another search. */
  putBack(ticket: Ticket): void {
    this.again.push(ticket);
  }

  private async read(): Promise<void> {
    const {size, labels, classes} = this.data;
    const begin = this.next;
    this.next = Math.min(begin + this.batchSize, size);
    const pixels = await this.data.pixels(begin, this.next);
    const length = pixels.length / (this.next - begin);
    for (let index = begin; index < this.next; index++) {
      const at = (index - begin) * length;
      const image = pixels.slice(at, at + length);
      const label = new Float32Array(classes);
      label[labels[index]] = 1;
      this.ready.push({
        index,
        image,
        label,
        seed: isRandom(this.options)
          ? exampleSeed(image, this.options.seed)
          : undefined,
        restart: 0,
        margin: Infinity,
      });
    }
  }
}
