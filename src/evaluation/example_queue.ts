import * as tf from '@tensorflow/tfjs';
import type {Attack} from '../attacks/attack.js';
import {type Classifier, countClasses} from '../models/logits.js';
import {startSeeds} from '../attacks/search_args.js';
import {checkImages, oneHotLabels} from '../data/validate.js';
import {exampleBatches, type Examples} from './examples.js';

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
}

/** The examples as a queue; those that withstood a search come back at its end for the next. */
export class Tickets {
  private readonly ready: Ticket[] = [];
  private readonly again: Ticket[] = [];
  private readonly batches: ReturnType<typeof exampleBatches>;
  private ended = false;
  private count = 0;
  private classes = 0;
  /** [H, W, C], known once there is a ticket. */
  imageShape: [number, number, number] = [0, 0, 0];

  constructor(
    private readonly attack: Attack,
    private readonly classifier: Classifier,
    data: Examples,
    batchSize: number,
  ) {
    this.batches = exampleBatches(data, batchSize);
  }

  /** Up to `count` tickets; fewer only where there are no more for now. */
  async take(count: number): Promise<Ticket[]> {
    while (this.ready.length < count && !this.ended) await this.read();
    const fresh = this.ready.splice(0, count);
    return [...fresh, ...this.again.splice(0, count - fresh.length)];
  }

  /** Puts a ticket back for another search. */
  putBack(ticket: Ticket): void {
    this.again.push(ticket);
  }

  /** To be called at the end, also after an error. */
  async close(): Promise<void> {
    await this.batches.return(undefined);
  }

  private async read(): Promise<void> {
    const {value, done} = await this.batches.next();
    if (done) {
      this.ended = true;
      return;
    }
    const {xs, ys} = value;
    try {
      checkImages(xs);
      const n = xs.shape[0];
      this.classes ||= countClasses(this.classifier, xs);
      this.imageShape = xs.shape.slice(1) as [number, number, number];
      const seeds = startSeeds(xs, this.attack.options);
      const images = xs.dataSync() as Float32Array;
      const labels = tf.tidy(
        () => oneHotLabels(ys, n, this.classes).dataSync() as Float32Array,
      );
      const size = images.length / n;
      for (let i = 0; i < n; i++) {
        this.ready.push({
          index: this.count++,
          image: images.slice(i * size, (i + 1) * size),
          label: labels.slice(i * this.classes, (i + 1) * this.classes),
          seed: seeds[i],
          restart: 0,
          margin: Infinity,
        });
      }
    } finally {
      tf.dispose([xs, ys]);
    }
  }
}
