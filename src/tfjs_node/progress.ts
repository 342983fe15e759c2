import {Presets, SingleBar} from 'cli-progress';
import {formatTime} from '../io/progress.js';

/** Shows how much of a download has arrived. */
export interface ByteCounter {
  /** Adds what has just arrived. */
  add(bytes: number): void;
  /** Ends the display. */
  stop(): void;
}

/** How the set-up tells what it does. */
export interface Progress {
  /** One line: what begins now. */
  say(text: string): void;
  /** Begins to show how many of `total` bytes have arrived. */
  bytes(total: number): ByteCounter;
}

/** Progress on standard error: a bar on a terminal, plain lines elsewhere. */
export function stderrProgress(): Progress {
  const {stderr} = process;
  return {
    say: text => void stderr.write(`${text}\n`),
    bytes(total) {
      if (!stderr.isTTY) return {add() {}, stop() {}};
      const megabytes = (n: number) => Math.round(n / 1e6);
      const bar = new SingleBar(
        {
          format:
            '  {bar} {percentage}% | {value}/{total} MB | {eta_formatted} left',
          stream: stderr,
          clearOnComplete: true,
          formatTime,
        },
        Presets.shades_classic,
      );
      let sum = 0;
      bar.start(megabytes(total), 0);
      return {
        add: n => bar.update(megabytes((sum += n))),
        stop: () => bar.stop(),
      };
    },
  };
}
