import {SingleBar} from 'cli-progress';

/** Told how far a piece of work is. */
export interface Progress {
  update(done: number): void;
  /** The end, reached or not. */
  stop(): void;
}

/**
 * Seconds as cli-progress gives them, for people; a dash where they are not
 * known, which it gives as texts ('0' before the beginning, 'NULL', 'INF').
 */
export function formatTime(seconds: number | string): string {
  if (typeof seconds !== 'number' || !Number.isFinite(seconds)) return '–';
  if (seconds < 60) return `${Math.round(seconds)}s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes}m`;
  return `${Math.floor(minutes / 60)}h${String(minutes % 60).padStart(2, '0')}m`;
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
    barsize: 24,
    etaBuffer: 50,
    formatTime,
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
