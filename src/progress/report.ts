/** How far a piece of work is; what a function given as `progress` is called with. */
export interface ProgressReport {
  /** What is being done: an attack as a spec, or an epoch such as `epoch 2/5`. */
  task: string;
  /** Units of work done; of a fit, batches of all of its epochs. */
  done: number;
  /** Of how many. Undefined where it is not known, as of a dataset without a size. */
  total?: number;
  /** What is counted. */
  unit: 'batches' | 'examples' | 'steps';
  /** Seconds since the work began. */
  seconds: number;
  /** Estimated seconds to its end, in proportion; undefined until they are known. */
  secondsLeft?: number;
  /**
   * Results so far: `misclassified` of an evaluation; losses and metrics of a fit
   * at the end of each epoch.
   */
  values?: Record<string, number>;
  /** Whether the task has ended. */
  finished: boolean;
}

/**
 * Whether progress is shown. True: on standard error, as a bar with the time left
 * in a terminal, or else a line per 10 %; in a browser, nothing. False: nothing.
 * A function is called with each report, anywhere.
 */
export type ProgressOption = boolean | ((report: ProgressReport) => void);

/** Where reports go. */
export interface Display {
  show(report: ProgressReport): void;
  /** The end, reached or not. */
  stop(): void;
}

/** @throws Error, one sentence, if it is no value of the option. */
export function checkProgress(where: string, option: unknown): void {
  if (['undefined', 'boolean', 'function'].includes(typeof option)) return;
  throw new Error(
    `${where}: progress must be true, false or a function, but is ${JSON.stringify(option)}.`,
  );
}
