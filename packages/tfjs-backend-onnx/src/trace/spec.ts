import type * as tf from '@tensorflow/tfjs-core';

/** Shape and dtype of a tensor. */
export interface Spec {
  readonly shape: readonly number[];
  readonly dtype: tf.DataType;
}

/** A spec with its number; only equal specs have equal numbers. */
export interface NumberedSpec extends Spec {
  readonly number: number;
}

/**
 * Numbers specs. Only the specs seen since the table last filled up are
 * remembered: after that an equal spec may get a second number, which costs a
 * compilation, but a number is never reused.
 */
export class SpecNumbers {
  private readonly numbers = new Map<string, number>();
  private next = 0;

  /** @param limit how many specs are remembered */
  constructor(private readonly limit: number) {}

  /** How many specs are remembered now. */
  get size(): number {
    return this.numbers.size;
  }

  of({shape, dtype}: Spec): number {
    const key = shape.length === 0 ? dtype : `${dtype}${shape.join()}`;
    let number = this.numbers.get(key);
    if (number === undefined) {
      if (this.numbers.size >= this.limit) this.numbers.clear();
      this.numbers.set(key, (number = this.next++));
    }
    return number;
  }
}

/** Far more than one program uses: a program whose shapes never repeat. */
const LIMIT = 50_000;

export const specNumbers = new SpecNumbers(LIMIT);
