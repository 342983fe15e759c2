import type {Display, ProgressReport} from './report.js';

/** A piece of work that reports to a display how far it is. */
export class Task {
  private readonly started = performance.now();
  private last: Pick<ProgressReport, 'done' | 'total'>;

  /** Shows it at its beginning. */
  constructor(
    private readonly display: Display,
    private readonly unit: ProgressReport['unit'],
    private task: string,
    total?: number,
  ) {
    this.last = {done: 0, total};
    this.show({});
  }

  update(done: number, values?: Record<string, number>): void {
    this.last = {...this.last, done};
    this.show({values});
  }

  /** Goes on under another name. */
  rename(task: string, total?: number): void {
    this.task = task;
    this.last = {...this.last, total};
    this.show({});
  }

  finish(values?: Record<string, number>): void {
    this.show({values, finished: true});
  }

  private show(more: Pick<Partial<ProgressReport>, 'values' | 'finished'>) {
    const {done, total} = this.last;
    const {task, unit, display} = this;
    const seconds = (performance.now() - this.started) / 1000;
    const known = total !== undefined && done > 0;
    display.show({
      task,
      done,
      unit,
      seconds,
      finished: false,
      ...(total !== undefined && {total}),
      ...(known && {
        secondsLeft: (seconds * Math.max(0, total - done)) / done,
      }),
      ...more,
    });
  }
}
