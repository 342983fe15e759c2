import {SingleBar} from 'cli-progress';

/** Told how far a piece of work is. */
export interface Progress {
  update(done: number): void;
  /** The end, reached or not. */
  stop(): void;
}

/**
 * A bar with time left on standard error; plain lines, at most one in five
 * seconds, where that is no terminal.
 *
 * @param title what is being done.
 * @param total in the same unit as the numbers given to `update`.
 * @param show false for no output at all.
 */
export function progressBar(
  title: string,
  total: number,
  show = true,
): Progress {
  if (!show) return {update: () => {}, stop: () => {}};
  const bar = new SingleBar({
    format: `${title} {bar} {percentage} %, {eta_formatted} left`,
    stream: process.stderr,
    noTTYOutput: true,
    notTTYSchedule: 5000,
    hideCursor: true,
    barsize: 24,
    etaBuffer: 50,
  });
  return {
    // Not before there is something to tell: the work may fail at once.
    update: done => {
      if (!bar.isActive) bar.start(total, 0);
      bar.update(done);
    },
    stop: () => bar.stop(),
  };
}
