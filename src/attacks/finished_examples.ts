import * as tf from '@tensorflow/tfjs';
import {withstands} from './losses.js';
import type {PgdArgs, PgdResult} from './pgd.js';
import type {Outcome} from './outcome.js';
import type {Batch} from './pgd_step.js';
import {read, type Reading} from '../ops/reading.js';
import {keepRows, putRows} from '../ops/rows.js';
import {dispose} from '../ops/tidy.js';

/** What is kept of a step's outcome: null what is not read. */
export type StepSeen = {[K in keyof Outcome]: Outcome[K] | null};

/** Collects what each example ends with, in the order of the original batch. */
export class Finished {
  private readonly total: number;
  /** Which of the original examples the batch still holds. */
  private ids: number[];
  private done: {ids: number[]; outcome: PgdResult}[] = [];
  private readonly margins: Float32Array;
  private readonly smoothnesses: Float32Array;

  constructor(private readonly args: PgdArgs) {
    this.total = args.images.shape[0];
    this.ids = Array.from({length: this.total}, (_, i) => i);
    const size = args.history ? args.steps * this.total : 0;
    this.margins = new Float32Array(size);
    this.smoothnesses = new Float32Array(size);
  }

  /** Which of the original examples the batch still holds, in its order. */
  get examples(): number[] {
    return [...this.ids];
  }

  /** Notes margins and smoothness for the history; examples that have stopped keep their last. */
  *record(step: number, {margin, smoothness}: StepSeen): Reading<void> {
    if (!this.args.history) return;
    const n = this.total;
    const to = (values: Float32Array, now: ArrayLike<number>) => {
      const at = (step - 1) * n;
      if (step > 1) values.copyWithin(at, at - n, at);
      this.ids.forEach((id, i) => (values[at + id] = now[i]));
    };
    to(this.margins, yield* read(margin!));
    to(this.smoothnesses, yield* read(smoothness!));
  }

  /** All have stopped: the history stays as it is from here on. */
  repeatRecord(step: number): void {
    const n = this.total;
    for (const values of [this.margins, this.smoothnesses]) {
      for (let at = step * n; at < values.length; at += n) {
        values.copyWithin(at, at - n, at);
      }
    }
  }

  /** Takes out the examples that have succeeded. Returns the places of the rest, or null if none has. */
  *takeOut(batch: Batch, seen: StepSeen): Reading<number[] | null> {
    const margins = yield* read(seen.margin!);
    const stopped: number[] = [];
    const left: number[] = [];
    margins.forEach((m: number, i: number) =>
      (withstands(m) ? left : stopped).push(i),
    );
    if (stopped.length === 0) return null;
    tf.tidy(() => this.store(batch, seen as Outcome, stopped));
    this.ids = left.map(i => this.ids[i]);
    return left;
  }

  takeAll(batch: Batch, outcome: Outcome): void {
    this.store(
      batch,
      outcome,
      this.ids.map((_, i) => i),
    );
  }

  private store(
    batch: Batch,
    outcome: Pick<Outcome, 'adversarial' | 'margin'>,
    places: number[],
  ): void {
    const take = <T extends tf.Tensor>(t: T) => tf.keep(keepRows(t, places));
    const {threatModel, neighborDifferences} = this.args;
    const {parameters} = batch;
    const takeEach = (each: Record<string, tf.Tensor1D>) =>
      Object.fromEntries(Object.entries(each).map(([k, v]) => [k, take(v)]));
    this.done.push({
      ids: places.map(i => this.ids[i]),
      outcome: {
        adversarial: take(outcome.adversarial),
        margin: take(outcome.margin),
        sizes: takeEach(threatModel.sizes(parameters)),
        neighborDifferences: takeEach(
          (neighborDifferences &&
            threatModel.neighborDifferences?.(parameters)) ||
            {},
        ),
        faults: take(batch.faults),
        slopes: take(batch.slopes),
      },
    });
  }

  /** All together, sorted; made once all have finished. */
  result(): PgdResult {
    const ids = this.done.flatMap(part => part.ids);
    const join = <T extends tf.Tensor>(of: (outcome: PgdResult) => T) =>
      putRows(
        this.done.map(part => of(part.outcome)),
        ids,
      );
    const joinEach = (
      of: (outcome: PgdResult) => Record<string, tf.Tensor1D>,
    ) =>
      Object.fromEntries(
        Object.keys(of(this.done[0].outcome)).map(term => [
          term,
          join(o => of(o)[term]),
        ]),
      );
    const shape: [number, number] = [this.args.steps, this.total];
    return {
      adversarial: join(o => o.adversarial),
      margin: join(o => o.margin),
      sizes: joinEach(o => o.sizes),
      neighborDifferences: joinEach(o => o.neighborDifferences),
      faults: join(o => o.faults),
      slopes: join(o => o.slopes),
      ...(this.args.history && {
        history: {
          margin: tf.tensor2d(this.margins, shape),
          smoothness: tf.tensor2d(this.smoothnesses, shape),
        },
      }),
    };
  }

  dispose(): void {
    dispose(this.done);
  }
}
